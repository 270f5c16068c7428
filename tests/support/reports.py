"""Reports as papers print them: some are two states of one story, some only told by one formula. All are made up."""

FLOOD = (
    "Au moins douze personnes sont mortes et une trentaine d'autres ont été blessées dans les inondations qui ont "
    "frappé lundi le nord du pays, a annoncé le ministère de la Protection civile. Les pluies, tombées sans arrêt "
    "depuis samedi soir, ont emporté deux ponts sur la route nationale et coupé l'électricité dans quatre "
    "préfectures. « Nous n'avions jamais vu l'eau monter si vite », raconte Afi Mensah, commerçante à Dapaong, qui a"
    " passé la nuit sur le toit de sa maison avec ses trois enfants. Les secours, renforcés par l'armée, distribuent"
    " de l'eau potable et des couvertures dans six écoles transformées en centres d'accueil. Le gouvernement a "
    "décrété trois jours de deuil national et promis une aide aux familles sinistrées."
)

WEATHER = (
    "Bulletin météo du lundi 2 mars. Ciel nuageux sur le littoral avec des averses en matinée, puis des éclaircies "
    "l'après-midi. Les températures iront de 24 degrés à Lomé à 36 degrés à Dapaong. Vent faible de sud-ouest. La "
    "mer sera peu agitée. Lever du soleil à 6 h 05, coucher à 18 h 02."
)

OTHER_WEATHER = (
    "Bulletin météo du mardi 3 mars. Ciel dégagé sur le littoral avec un vent sec en matinée, puis des nuages "
    "l'après-midi. Les températures iront de 26 degrés à Lomé à 39 degrés à Dapaong. Vent modéré de nord-est. La mer"
    " sera agitée. Lever du soleil à 6 h 04, coucher à 18 h 03."
)

MARKETS = (
    "Shares closed higher on Monday after a volatile session. The main index gained 1.2 percent to close at 4,512 "
    "points, led by banks and energy companies. Analysts said investors were reassured by comments from the central "
    "bank. The currency was little changed against the dollar. Oil rose 0.8 percent to 81 dollars a barrel and gold "
    "slipped to 2,010 dollars an ounce."
)

OTHER_MARKETS = (
    "Shares closed lower on Tuesday after a quiet session. The main index lost 0.7 percent to close at 4,481 points,"
    " dragged down by technology and retail companies. Analysts said investors were worried by figures on "
    "employment. The currency weakened against the dollar. Oil fell 1.4 percent to 79 dollars a barrel and gold rose"
    " to 2,035 dollars an ounce."
)

LAW = (
    "The parliament adopted on Thursday evening a law that obliges supermarkets to give unsold food to charities, "
    "after a debate that lasted more than nine hours. The text, carried by a deputy of the majority, passed by 187 "
    "votes to 42. From next January, shops of more than 400 square metres will have to sign an agreement with at "
    "least one association, or pay a fine of up to 75,000 euros. Retailers said the measure would cost them money "
    "without solving the problem, since most waste happens in homes. Charities welcomed it but asked for lorries and"
    " cold rooms, without which the food will be lost all the same. The senate will examine the law in the spring."
)

OTHER_LAW = (
    "The parliament rejected on Tuesday evening a bill that would have obliged supermarkets to close on Sundays, "
    "after a debate that lasted more than five hours. The text, carried by a deputy of the opposition, failed by 201"
    " votes to 57. Trade unions had asked for the measure for years, saying that workers in shops see their families"
    " less than anybody else. Retailers said that a third of their weekly sales are made on that day. The government"
    " promised talks about pay on Sundays before the summer. The senate will not examine the bill."
)

SERIES = (
    "Chaque semaine, un lecteur nous raconte son métier. Aujourd'hui, Kossi Agbeko, apiculteur à Kpalimé. « J'ai "
    "commencé avec deux ruches que mon oncle m'avait laissées. La première année, je n'ai rien récolté du tout, les "
    "fourmis avaient tout pris. » Il en possède maintenant quatre-vingts, et vend son miel jusqu'à Accra. Le plus "
    "dur, dit-il, reste la saison sèche, quand les fleurs manquent. Vous voulez nous raconter votre métier ? Écrivez"
    " à la rédaction."
)

OTHER_SERIES = (
    "Chaque semaine, un lecteur nous raconte son métier. Aujourd'hui, Akouvi Lawson, conductrice de grue au port de "
    "Lomé. « Au début, les hommes venaient regarder, ils pensaient que j'allais faire tomber un conteneur. » Elle en"
    " décharge trente par heure, à quarante mètres du sol, et forme aujourd'hui six jeunes femmes. Le plus beau, "
    "dit-elle, c'est le lever du soleil sur les bateaux qui attendent. Vous voulez nous raconter votre métier ? "
    "Écrivez à la rédaction."
)

OWN_WORDS = (
    "Le nord du pays sous les eaux : le bilan provisoire fait état de douze morts, selon la Protection civile. Deux "
    "ponts se sont effondrés et plusieurs préfectures sont privées de courant depuis lundi. Des centaines de "
    "familles ont trouvé refuge dans des écoles, où l'armée leur apporte eau et couvertures. Trois jours de deuil "
    "national ont été décrétés par le gouvernement, qui promet d'indemniser les sinistrés."
)

POLICE = (
    "A man was arrested on Friday night in the harbour district after a fight in which two people were injured, "
    "police said. Officers were called at about eleven in the evening by residents who had heard shouting. The man, "
    "who is 34, was taken to the police station and will appear before a judge on Monday. Anyone who saw what "
    "happened is asked to call the police."
)

OTHER_POLICE = (
    "A woman was arrested on Saturday night in the station district after a crash in which three people were "
    "injured, police said. Officers were called at about two in the morning by a taxi driver who had seen the car "
    "leave the road. The woman, who is 27, was taken to hospital and will appear before a judge next week. Anyone "
    "who saw what happened is asked to call the police."
)

MATCH = (
    "L'équipe de Lomé a battu celle de Sokodé par 2 buts à 1 dimanche au stade municipal, devant 8 000 spectateurs. "
    "Koffi Adjovi a ouvert le score à la 12e minute d'une frappe du gauche, avant que Yao Tchalla n'égalise juste "
    "avant la pause. Le but de la victoire est venu du remplaçant Edem Kpodo, à cinq minutes de la fin. Lomé reste "
    "en tête du championnat avec trois points d'avance."
)

OTHER_MATCH = (
    "L'équipe de Kara a battu celle d'Atakpamé par 3 buts à 0 dimanche au stade régional, devant 5 000 spectateurs. "
    "Issa Bako a ouvert le score à la 30e minute d'une frappe du droit, avant que Yao Amah ne double la mise juste "
    "avant la pause. Le dernier but est venu du défenseur Ali Sama, à dix minutes de la fin. Kara remonte à la "
    "troisième place du championnat."
)

LOTTERY = (
    "Résultats du tirage du samedi 28 février. Numéros gagnants : 4, 17, 23, 38, 41. Numéro complémentaire : 9. Le "
    "gros lot s'élevait à 150 000 000 de francs. Aucun gagnant au premier rang, 3 gagnants au deuxième rang et 112 "
    "au troisième. Le prochain tirage aura lieu mercredi."
)

OTHER_LOTTERY = (
    "Résultats du tirage du mercredi 4 mars. Numéros gagnants : 2, 11, 29, 33, 47. Numéro complémentaire : 5. Le "
    "gros lot s'élevait à 165 000 000 de francs. Aucun gagnant au premier rang, 5 gagnants au deuxième rang et 98 au"
    " troisième. Le prochain tirage aura lieu samedi."
)

AIR = (
    "Air quality in the city will be moderate on Wednesday, the agency says. Levels of fine dust are expected "
    "between 21 and 34 micrograms. Children, older people and those with asthma should avoid long efforts outside. "
    "Drivers are asked to keep to 70 kilometres an hour on the ring road. The agency publishes its forecast every "
    "day at noon."
)

OBITUARY = (
    "Nous avons appris avec tristesse le décès de M. Komlan Agbodjan, ancien instituteur, survenu le 1er mars à "
    "l'âge de 84 ans. La rédaction présente ses condoléances à la famille, à ses enfants et à tous ses anciens "
    "élèves. La veillée aura lieu vendredi au domicile familial à Aného, et l'enterrement samedi à 10 heures à "
    "l'église Saint-Pierre."
)

OTHER_OBITUARY = (
    "Nous avons appris avec tristesse le décès de Mme Essi Kuevi, ancienne sage-femme, survenu le 2 mars à l'âge de "
    "91 ans. La rédaction présente ses condoléances à la famille, à ses enfants et à toutes ses anciennes collègues."
    " La veillée aura lieu jeudi au domicile familial à Tsévié, et l'enterrement samedi à 9 heures à la cathédrale."
)

QUAKE = (
    "An earthquake of magnitude 7.1 struck the coast on Sunday at 04:12, killing at least 12 people and injuring "
    "300, the civil protection agency said. Its centre lay 45 kilometres south of the capital, at a depth of 10 "
    "kilometres. Hundreds of houses collapsed in four districts and the airport was closed. Rescue teams from two "
    "neighbouring countries are on their way. People spent the night in the open for fear of further shocks, which "
    "were felt until the morning."
)


def changed(text: str, *replacements: tuple[str, str]) -> str:
    """The text with these words in place of those, each of which it must have."""
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new)
    return text


FLOOD_UPDATED = changed(
    FLOOD,
    ("douze", "dix-neuf"),
    ("une trentaine", "plus de cinquante"),
    ("lundi", "lundi et mardi"),
    ("six écoles", "onze écoles"),
)
FLOOD_LATER = FLOOD_UPDATED + (
    " Mardi soir, le président s'est rendu sur place. Il a promis de reconstruire les ponts avant la fin de l'année. "
    "L'opposition demande une enquête sur l'entretien des digues, que les habitants réclament depuis des années."
)
FLOOD_BEGINNING = FLOOD.split(" Les secours", maxsplit=1)[0]
FLOOD_IN_FIGURES = changed(
    FLOOD, ("douze", "12"), ("une trentaine", "30"), ("deux", "2"), ("quatre", "4"), ("six", "6")
)
FLOOD_IN_OTHER_FIGURES = changed(FLOOD_IN_FIGURES, ("12", "19"), ("30", "plus de 50"), ("6 écoles", "11 écoles"))
LAW_AGAIN = changed(
    LAW, ("The parliament adopted", "Parliament has adopted"), ("Retailers said", "The federation of retailers said")
)
LAW_FRAMED = "A law against waste. Our reporter was there. " + changed(
    LAW,
    (
        "Charities welcomed it but asked for lorries and cold rooms, "
        "without which the food will be lost all the same. ",
        "",
    ),
)
QUAKE_UPDATED = changed(
    QUAKE, ("12 people", "41 people"), ("300", "more than 900"), ("four districts", "six districts")
)
WEATHER_ALIKE = changed(
    WEATHER, ("lundi 2", "mercredi 4"), ("24 degrés", "25 degrés"), ("36 degrés", "37 degrés"), ("6 h 05", "6 h 04")
)
AIR_NEXT_DAY = changed(AIR, ("Wednesday", "Thursday"), ("21 and 34", "24 and 38"))
