"""Lines of charts, in a box of 100 by 100 with the origin at the upper left."""

from newsletter.web.charts import chart_points


def test_a_line_goes_from_side_to_side_and_from_edge_to_edge():
    assert chart_points([0, 5, 10]) == "0.00,100.00 50.00,50.00 100.00,0.00"


def test_the_edges_may_be_elsewhere():
    assert chart_points([10, 20], most=30, least=10) == "0.00,100.00 100.00,50.00"


def test_nothing_and_one_value_are_drawn_too():
    assert chart_points([]) == ""
    assert chart_points([3]) == "0.00,0.00"
    assert chart_points([7, 7], least=7) == "0.00,100.00 100.00,100.00"
