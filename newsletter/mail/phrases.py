"""What servers write where their codes say too little, by what it means; in the languages of those who answer most.

Only ever one opinion among several: see `replies.classify` for answers on the line, `verdict` for reports that come
later. Patterns are in small letters and must stay linear in time: nothing unbounded inside something repeated.
"""

import re


class Words:
    """Phrases of one meaning, whatever their capitals. Small letters are compared as they stand: that takes a quarter
    of the time of comparing without case, and these are the largest patterns of all.
    """

    def __init__(self, *patterns: str) -> None:
        self._any = re.compile("|".join(patterns))

    def search(self, text: str) -> bool:
        """Whether a text says one of them."""
        return self._any.search(text.lower()) is not None


UNKNOWN_USER = Words(
    r"no such (?:user|mailbox|recipient|address|person|account|local|id\b|addr)",
    r"no (?:user|recipient|account|mailbox|such)\b.{0,20}(?:here|by that name|at this|found|exist|with)",
    r"unknown (?:user|mailbox|recipient|local|address|account|e-?mail|or illegal alias|or invalid address|virtual)",
    r"invalid (?:user|mailbox|recipient|final delivery userid|local)",
    r"(?:user|mailbox|recipient|account|alias|userid|username|e?-?mail ?box|person|address)\b.{0,60}?(?:unknown|invalid"
    r"|undeliverable|(?<!could )not (?:found|exist|known|be found|listed|in |a known|recogni[sz]ed|valid"
    r"|exists)|not here)",
    r"(?:user|mailbox|recipient|account|address|e?-?mail ?box|customer|subscriber|client"
    r"|alias)\b.{0,90}?(?:does ?n.?.?t (?:even )?exist"
    r"|does not (?:even )?exist|doe?s? not exi|no longer exists?|never existed|didn't exist|is not exist|not exist)",
    r"(?:not|isn.t) a (?:valid|known|local) (?:user|mailbox|recipient|address|account)",
    r"not a valid (?:mail|inbox|local)",
    r"no mailbox (?:here|by|found)",
    r"mailbox unavailable or access denied",
    r"unrouteable address",
    r"unroutable address",
    r"does(?:n.t| not) have an? .{0,30}account",
    r"is not a (?:known|valid|recogni[sz]ed|registered|legitimate|active) ",
    r"(?:is|was) not (?:found|listed) in (?:the )?(?:directory|address ?book|domino|public name)",
    r"not listed in (?:domino|public name|the)",
    r"not (?:found )?in (?:domino )?(?:the )?directory",
    r"\b(?:local )?user (?:not found|does not|isn.t|nicht|lookup failed|.{0,80} not exist)",
    r"address (?:rejected|lookup) (?:.{0,20})?(?:failed|unknown)",
    r"recipient (?:address )?(?:rejected|denied): (?:\[?[\w.@-]{0,80}\]?\s?)?(?:user unknown|unknown"
    r"|invalid|undeliverable|no such|not found|does)",
    r"recipient (?:name|e-?mail address) (?:was|is) not (?:found|recogni[sz]ed|valid)",
    r"recipnotfound|recipientnotfound|resolver\.adr\.(?:\w{0,10})?notfound|\badr\.\w{0,10}notfound",
    r"the e-?mail (?:account|address) (?:that )?you (?:tried|entered|specified).{0,40}(?:does not|doesn.t"
    r"|could ?n.t|couldn|not)",
    r"(?:e-?mail|mail) ?(?:address|account|box) (?:you |that |which )?.{0,50}(?:could ?n.t be found"
    r"|not be found|wasn.t found|not found)",
    r"account (?:has been )?(?:deleted|closed|removed|cancell?ed|terminated)",
    r"mailbox (?:has been )?(?:deleted|closed|removed|terminated)",
    r"(?:is|has) (?:been )?(?:deleted|removed) from this system",
    r"no (?:longer|more) (?:valid|works?|employed|active here|available at|with (?:us|the|this)|in (?:use|service))",
    r"(?:has|have) left (?:the )?(?:company|organi[sz]ation|newspaper)",
    r"(?:address|recipient) (?:is )?no longer (?:valid|in use|active|exists?)",
    r"(?:mail|user|person) (?:has )?moved",
    r"(?:this|your) (?:e-?mail )?(?:address|mailbox|user) (?:is|was) (?:not|no longer) (?:valid|in use"
    r"|available|active)",
    r"can.?not (?:find|resolve|determine) (?:the )?(?:user|recipient|mailbox|address|local|destination|your recipient)",
    r"i couldn.t find (?:any )?(?:a )?(?:mail)?(?:host|user|mailbox)",
    r"name (?:is )?ambiguous|illegal alias|bad address syntax|bad destination mailbox"
    r"|dest(?:ination)? addr(?:ess)? unknown",
    r"recipient (?:is )?(?:not (?:local|here|exist)|unknown|not registered)",
    r"not (?:our|my) (?:customer|user)",
    r"vpopmail.{0,30}no mailbox|no mailbox here by that name",
    r"user .{0,60}(?:isn.t|not) (?:registered|known|defined)",
    r"does not like recipient|no matches to nameserver|did not (?:exactly )?match|not have a final e?-?mail delivery",
    r"mail receiving disabled|user unknown|not known here|unknown (?:in|at|to) (?:this|the|our)",
    # French
    r"(?:utilisateur|destinataire|adresse|bo[iî]te|compte)\b.{0,60}(?:inconnue?|inexistante?"
    r"|n.existe p(?:as|lus)|introuvable|invalide|non trouvée?)",
    r"n.existe p(?:as|lus)\b|aucune? (?:bo[iî]te|utilisateur|compte)",
    # German, Dutch
    r"(?:benutzer|empf(?:ä|ae)nger|adresse|postfach|mailbox|konto)\b.{0,60}(?:unbekannt|existiert nicht"
    r"|nicht (?:bekannt|gefunden|vorhanden)|ung(?:ü|ue)ltig)",
    r"unbekannter? (?:benutzer|empf)|(?:gebruiker|ontvanger|postbus)\b.{0,40}(?:onbekend|bestaat niet)",
    # Spanish, Portuguese, Italian
    r"(?:usuario|usuário|destinatari[oa]|direcci[oó]n|endere[cç]o|buz[oó]n|cuenta|conta|caixa|utente"
    r"|indirizzo|casella)\b"
    r".{0,60}(?:desconocid|desconhecid|inexistente|no existe|n[aã]o existe|non esiste|sconosciut"
    r"|no encontrad|n[aã]o encontrad|inesistente|inv[aá]lid)",
    # Polish, Czech, Russian
    r"nie istnieje|nieznany u[zż]ytkownik|u[zż]ytkownik.{0,20}nieznany|nie ma takiego|brak takiego"
    r"|neexistuje|nezn[aá]m",
    r"(?:пользовател|получател|ящик|адрес)\S{0,6}.{0,60}(?:не (?:найден|существует|зарегистрирован)"
    r"|неизвест|отсутств)|нет такого",
    # Japanese, Chinese, Korean
    r"宛先不明|宛先.{0,20}(?:存在|見つか)|(?:メールアドレス|アドレス|ユーザ[ー]?).{0,30}(?:存在しま?せ?ん?|見つかりません|不明|間違)",
    r"(?:ディレクトリ|アドレス帳|名簿).{0,20}(?:には?ありません|存在しません|見つかりません|登録されていません)",
    r"(?:用户|用戶|收件人|邮箱|帳號|地址).{0,20}(?:不存在|不明|未找到|无效)|不存在(?:该|的)?(?:用户|邮箱|帐号)",
    r"(?:사용자|수신자|주소|계정).{0,20}(?:없|존재하지)",
)
NO_DOMAIN = Words(
    r"nxdomain",
    r"null ?mx",
    r"domain (?:name )?(?:does ?n.t exist|does not exist|not found|unknown|is not valid|invalid|lookup failed)",
    r"(?:unknown|no such|invalid|bad|illegal) (?:domain|host)\b",
    r"host (?:or domain name )?(?:unknown|not found)(?!.{0,60}try again)",
    r"name or service not known|name service error.{0,80}type=a+:? host (?:not found|or domain)|host not found",
    r"recipient (?:address )?rejected: domain not found",
    r"unrouteable mail domain|all relevant mx records point to non-existent",
    r"couldn.t find any host (?:by that name|named)|no valid (?:hosts?|mail servers)"
    r"|has no (?:valid )?mail (?:exchanger|server)",
    r"not (?:a )?(?:known|valid|existing) (?:host|domain)|address not known|(?:domain|host)s? (?:is )?not exist",
    r"destination server could not be found|dns error.{0,60}not ?found|does not (?:accept"
    r"|receive) (?:any )?(?:e-?)?mail",
    r"no (?:a|mx)(?: or (?:a|mx))? record|(?:h[oô]te|domaine) (?:inconnu|introuvable)|zie?ldomain|ziel-?dom",
)
FULL = Words(
    r"over.{0,2}quota|quota (?:exceeded|violation|full|exhausted|limit)|exceed\w*.{0,30}quota|quota\b.{0,40}exce",
    r"(?:mailbox|user|account|recipient|disk|storage|space)\b.{0,40}quota",
    r"quota.{0,30}(?:mailbox|user|account|recipient|full)",
    r"(?:mailbox|mail ?box|inbox|mail folder|folder|maildir|storage|account"
    r"|user.s (?:mail)?(?:box)?)\b.{0,30}(?:is )?(?:currently )?\bfull\b",
    r"full mailbox|mailboxfull|mbox.{0,20}full",
    r"(?:out of|not enough|insufficient|no) (?:disk|storage|space|system storage)",
    r"exceed(?:ed|s|ing)? (?:its |their |his |the |maximum |allowed |allocated )*(?:storage|mailbox|disk"
    r"|space|size (?:limit )?of mailbox)",
    r"(?:mailbox|account|user)\b.{0,40}(?:exceed(?:ed|s)?|over).{0,40}(?:limit|size|allocat|allowed"
    r"|maximum|storage|space)",
    r"too much mail|zu ?viele (?:e?-?)?mails|disk quota|mailbox size limit|would (?:exceed"
    r"|be over) the? ?(?:mailbox|quota)?|does not have enough (?:space|disk)|disk full",
    r"bo[iî]te.{0,40}(?:pleine|satur)|quota.{0,20}d[ée]pass|postfach.{0,20}(?:voll|[üu]berf)"
    r"|buz[oó]n.{0,20}llen|casella.{0,20}piena|caixa.{0,30}cheia",
    r"skrzynka.{0,30}(?:pe[łl]na|przepe)|przepe[łl]nion|переполнен|容量|満杯|超过.{0,10}(?:容量|限)|용량",
)
DISABLED = Words(
    r"(?:account|mailbox|user|recipient|address|e-?mail ?box)\b.{0,60}(?:disabled|inactive|suspended"
    r"|deactivated|de-activated|locked|blocked due|frozen"
    r"|not (?:been )?activ|temporarily (?:unavailable|disabled|locked)|expired|on hold|over ?due"
    r"|unavailable at this time|is (?:currently )?not accepting)",
    r"(?:disabled|inactive|suspended|expired|dormant) (?:user|account|mailbox|recipient)",
    r"mailbox (?:currently )?(?:unavailable|suspended|disabled|busy)|not accepting (?:any )?(?:e-?)?(?:mail|messages)",
    r"d[ée]sactiv|deaktiviert|gesperrt|заблокирован|deshabilitad|disattivat|zablokowan|停止|冻结",
)
SIZE = Words(
    r"(?:message|mail|body|attachment|header)\b.{0,40}?(?:too (?:big|large)|(?<!queue )too long|\bsize\b|exceed)",
    r"size (?:limit|exceed)|maximum.{0,30}size|exceeds? (?:the )?(?:maximum|size|fixed|limit)|larger than"
    r"|too large|tamanho|taille maxim",
)
TOO_MANY = Words(r"too many (?:recipients|rcpt)")
CONTENT = Words(
    r"spam",
    r"\bjunk\b",
    r"virus",
    r"malware",
    r"phish",
    r"unsolicited",
    r"content (?:rejected|refused|filter|restrict|type)",
    r"message (?:was |has been )?(?:rejected|blocked|refused|content)",
    r"\bbulk\b",
    r"uribl|surbl|suspicious|attachments?\b.{0,40}(?:not|reject|refus|block|prohibit|forbid)"
    r"|not accepting mail with attachments|embedded images",
    r"looks like|scored|bayes|profan|inappropriate|執行檔",
)
POLICY = Words(
    r"block ?list",
    r"black ?list",
    r"blocked",
    r"dnsbl",
    r"\brbl\b",
    r"spamhaus|spamcop|barracuda|sorbs|cbl\.|abuseat|mail-abuse",
    r"reputation",
    r"relay(?:ing)? (?:access )?(?:denied|not|prohibited|disallowed)",
    r"(?:not|isn.t|un)(?: permitted| allowed| able|able|authori[sz]ed) to (?:relay|send)|denied relay"
    r"|no relay|not a relay|don.t relay|relaying|rcpthosts|do not relay|we do not relay|cannot relay"
    r"|unable to relay",
    r"authenticat",
    r"\bspf\b|sender policy framework",
    r"dkim",
    r"dmarc",
    r"reverse dns|rdns|dynamic (?:ip|address)|dial.?up",
    r"\bptr\b",
    r"policy",
    r"denied",
    r"banned",
    r"not (?:authori[sz]ed|allowed|permitted|accept)|refus(?:e|ed|es) (?:mail|message|your|to|connection"
    r"|by)|prohibited|restrict|you are not|administrative|whitelist|reject(?:ed)? (?:by|due)|closed list"
    r"|members? only|only accepts",
)
SENDER = Words(
    r"sender (?:address |domain |verify ?|is )?(?:rejected|denied|failed|blocked|not|invalid|unknown|does)",
    r"(?:domain of sender|sender'?s? (?:address|domain|ip|host)).{0,50}(?:not|reject|invalid|resolve|exist"
    r"|fail|unknown|found|denied|block)",
    r"(?:mail )?from\b.{0,40}(?:address|domain)? ?(?:rejected|does not exist|not verified|is not valid"
    r"|invalid)|spoof|forged|envelope sender",
)
NETWORK = Words(
    r"timed? ?out|connection (?:refused|reset|lost|closed|dropped|died)|no route to host"
    r"|network (?:is )?unreachable|host is (?:down|unreachable)|unable to connect|couldn.t connect"
    r"|connect to|could not connect|not able to connect|wasn.t able to establish",
    r"too many hops|hop count|mail loop|looping|loops back|routing loop|forwarding loop|loop broken"
    r"|hops exceeded|too many received|mail for .{0,60} loops",
    r"server (?:is )?(?:busy|too busy|down|error)|resources? (?:temporarily )?(?:unavailable|restricted)"
    r"|try again|temporar(?:y|ily)|local (?:error|problem|configuration)|internal (?:error|server)"
    r"|system (?:error|problem|resources)|i/o error|service (?:not|un)available|deferred|queue|retry time"
    r"|being redelivered|delivery time expired|message expired|could not be delivered within|for the last"
    r"|undeliverable for|unable to deliver .{0,30}(?:for|after|within) \d",
)
DELAYED = Words(
    r"warning(?: message)?:? (?:message|could not send|mail)|this is (?:only )?a warning"
    r"|warning message only|you do not need to resend|no action is required on your part",
    r"(?:has|have|was) (?:been )?(?:delayed|not yet been|still (?:not|un))|still (?:undelivered|trying"
    r"|being|in the queue)|delivery (?:is |has been |attempts? )?(?:delayed|will continue|is being)"
    r"|not yet been deliver|will (?:keep|continue|be retried|retry|try)|continu(?:e|ing) to (?:be |try"
    r"|attempt)|delivery status notification \(delay|(?:delayed|verz[öo]gert|retard[ée])\b.{0,20}(?:mail"
    r"|message|deliver|zust)|mail delayed|delayed mail|temporarily delayed"
    r"|attempts? to deliver .{0,40}continue|not been delivered .{0,40}(?:hours|hour) ",
)
