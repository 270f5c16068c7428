"""The words that web pages put around their texts, in French and English, as regular expressions for whole lines."""

import re
from typing import Final

from newsletter.articles.dates import written_date_pattern

DATE: Final = written_date_pattern()
GAP: Final = r"[\s\xa0\u202f]*"
AGENCY: Final = (
    r"(?:AFP|Agence France-Presse|Reuters|Associated Press|AP|EFE|dpa|ANSA|Xinhua|TASS|Belga|ATS|APS|MAP|PANA|APA|ATOP)"
)
_NETWORK: Final = (
    r"(?:Facebook|Twitter|X|WhatsApp|Telegram|LinkedIn|Instagram|Messenger|Pinterest|Reddit|Bluesky|Threads|Mastodon|"
    r"YouTube|TikTok|e-?mail|mail|courriel)"
)
_COUNTED: Final = r"(?:partages?|commentaires?|réactions?|vues?|j['’]aime|shares?|comments?|likes?|views?)"
_DATED: Final = (
    r"(?:Publiée?|Postée?|Mise? à jour|Dernière mise à jour|Modifiée?|Créée?|Published|Updated|Last updated|Posted)"
)
# Small things of which several may stand on one line: "Partager Publié le 13/09/2023 à 14h05 AFP".
_BITS: Final = (
    rf"Partager?(?: (?:cet article|l['’]article))?(?: (?:sur|par|via) {_NETWORK})?(?:{GAP}:)?",
    rf"(?:Share|Tweet|Pin it)(?: (?:this )?(?:article|story)| this)?(?: (?:on|via|by) {_NETWORK})?(?:{GAP}:)?|Tweeter",
    r"(?:Envoyer par|Send by) (?:e-?mail|mail|courriel)|Envoyer|Imprimer|Print|Copier le lien|Copy link|Lien copié !?",
    r"Ajouter aux favoris|Enregistrer|Sauvegarder|Écouter|Réagir|Commenter|Commentaires?|Comments?|Signaler",
    _NETWORK,
    rf"\d[\d\s\xa0\u202f.,]*[kKM]?{GAP}{_COUNTED}",
    rf"{_DATED}{GAP}(?:le|on)?{GAP}:?{GAP}{DATE}(?:{GAP}(?:GMT|UTC|TU|CET|CEST))?",
    rf"(?:avec |with |par |©{GAP}|\()?{AGENCY}(?:(?:{GAP}[/,&]{GAP}| et | and |{GAP}-{GAP}){AGENCY})*\)?",
    r"(?:©|\(c\)|Copyright)[\s\xa0]*(?:©[\s\xa0]*)?(?:\d{4}[\s\xa0]*)?[\w .'’&-]{0,40}",
    r"Tous droits (?:de reproduction (?:et de représentation )?)?réservés\.?|All rights reserved\.?",
    rf"(?:Temps de )?lecture{GAP}:?{GAP}\d+{GAP}min(?:utes?)?\.?|Reading time{GAP}:?{GAP}\d+{GAP}min(?:utes?)?",
    r"\d+ min read|Publicité|Advertisement|La suite après cette publicité|Sponsorisé",
)
BITS: Final = re.compile(
    rf"(?>(?:{'|'.join(_BITS)})(?=[\s\xa0\u202f|•·–—,;/-]|$)[\s\xa0\u202f|•·–—,;/-]*)+", re.IGNORECASE
)

_COOKIES: Final = (
    r"(?:En poursuivant votre navigation|En cliquant sur|By continuing to (?:use|browse)|By clicking)\b.{0,400}",
    r"(?:Nous|We|(?:Ce|Notre) site(?: web| internet)?|(?:This|Our) (?:web)?site)"
    r"(?: et nos partenaires| and our partners)? (?:utilis|stock|use|store)\w*\b.{0,80}\bcookies?\b.{0,400}",
    r"Tout (?:accepter|refuser)|Accepter(?: et (?:fermer|continuer))?|J['’]accepte|Refuser|Continuer sans accepter|"
    r"Paramétrer(?: les cookies)?|Gérer (?:les cookies|mes préférences|mes choix)",
    r"Accept(?: all)?(?: cookies)?|Reject all|Manage (?:cookies|preferences)|En savoir plus|Learn more|OK|Fermer|Close",
)
_SUBSCRIBE: Final = (
    r"(?:Abonnez-vous|Inscrivez-vous|Recevez|Subscribe|Sign up|Get|S['’]inscrire|S['’]abonner)\b.{0,120}\b(?:"
    r"newsletter|lettre d['’]information|infolettre|boîte mail|inbox|chaîne|channel|alertes|alerts)\b.{0,120}",
    r"Je m['’]abonne|S['’]abonner|Se connecter|Connexion|Déjà abonné ?\?.{0,40}|S['’]inscrire|Subscribe|Sign (?:in|up)|"
    r"Log in",
    r"(?:Cet article|Article|Contenu) (?:est )?réservé aux abonnés\.?",
    r"Il vous reste .{1,12} de cet article à lire.{0,60}",
    r"(?:Suivez[- ](?:nous|l['’]actualité)|Retrouvez[- ]nous|Follow us|Rejoignez[- ]nous)\b.{0,100}",
    r"(?:Téléchargez|Download) (?:notre|l['’]|our|the) ?app(?:lication)?\b.{0,80}",
)
_CREDITS: Final = (
    r"\(?(?:Crédits?(?:[ -]photos?)?|Photos?|Image|Illustration|Photo credit|Credit)[\s\xa0]*[:©].{1,100}",
)
_WAYS: Final = (
    r"Accueil|Menu|Rechercher|Recherche|Home|Search|Aller au contenu(?: principal)?|Skip to (?:main )?content",
    r"Retour(?: en haut| à l['’]accueil)?|Back to top|Haut de page|Article (?:précédent|suivant)|Précédent|Suivant",
    r"Previous|Next|Voir plus|Lire la suite|Lire plus|Mentions légales|Politique de confidentialité|Plan du site",
    r"Conditions générales(?: d['’]utilisation)?|Privacy policy|Terms of (?:use|service)|Nous contacter|Contact",
    r"Qui sommes-nous ?\?|(?:Mots[- ]clés|Tags?)[\s\xa0]*:.{0,120}",
)
LINES: Final = re.compile("|".join((*_COOKIES, *_SUBSCRIBE, *_CREDITS, *_WAYS)), re.IGNORECASE)

RELATED: Final = re.compile(
    r"(?:(?:[ÀA] )?(?:lire|voir|écouter|découvrir) (?:également|aussi|ensuite)|Sur le même (?:sujet|thème)|"
    r"Dans la même rubrique|Articles? (?:liés?|similaires?|connexes?)|Nos derniers articles|Les plus lus|"
    r"Read (?:also|more|next)|See also|Related(?: articles| stories)?|You may also like|More on this (?:story|topic)|"
    r"Most read)(?P<rest>[\s\xa0\u202f]*[:>→|–-].{0,220})?",
    re.IGNORECASE,
)
_MENU_WORD: Final = (
    r"(?:accueil|home|menu|à la une|actualités?|actus?|news|politique|politics|économie|economy|business|société|monde|"
    r"world|international|afrique|africa|togo|régions?|culture|sports?|sciences?|santé|health|tech|technologies|high-tech|"
    r"environnement|opinions?|débats|idées|vidéos?|podcasts?|photos|médias|people|lifestyle|contact|newsletters?|"
    r"en direct|live|rechercher|recherche|search|connexion|se connecter|s['’]abonner|mon compte)"
)
MENU: Final = re.compile(_MENU_WORD, re.IGNORECASE)
TRAIL: Final = re.compile(
    rf"{_MENU_WORD}(?>{GAP}[|>›»/•·→]{GAP}\w[\w'’-]{{0,30}}(?: [\w'’-]{{1,30}}){{0,3}}){{1,12}}", re.IGNORECASE
)
BARE_NUMBER: Final = re.compile(r"\d[\d\s\xa0\u202f.,]{0,8}[kKM]?")

PUBLISHED: Final = re.compile(
    rf"(?:Publiée?|Postée?|Published|Posted){GAP}(?:le|on)?{GAP}:?{GAP}({DATE})", re.IGNORECASE
)
SOURCE: Final = re.compile(rf"Sources?{GAP}:{GAP}([\w .'’&-]{{2,60}}?)\.?", re.IGNORECASE)
CREDIT: Final = re.compile(rf"(?:.*[\s\xa0|•·–—,-])?({AGENCY})[\s\xa0]*")
_CAPITALISED: Final = r"[A-ZÀ-ÖØ-Þ][\w'’.-]+"
_PERSON: Final = rf"{_CAPITALISED}(?: (?:de|du|des|la|le|van|von|el|al|ben))?(?: {_CAPITALISED}){{1,3}}"
BYLINE: Final = re.compile(
    rf"(?:Par|By|Propos recueillis par)[\s\xa0]+"
    rf"({_PERSON}(?:(?:, | et | and ){_PERSON}){{0,3}})"
)

RELATED_TAIL: Final = re.compile(
    r"(?<=[.!?…»”])\s*(?:[ÀA] )?(?:Lire|Voir) (?:aussi|également)[\s\xa0\u202f]*:[^.!?]{3,150}$"
)
RIGHTS_TAIL: Final = re.compile(
    r"(?<=[.!?…»”])\s*(?:(?:©|\(c\)|Copyright)[^.]{0,60}\.?)?\s*(?:Tous droits réservés|All rights reserved)\.?$",
    re.IGNORECASE,
)
