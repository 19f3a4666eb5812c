"""Numbers that mean somebody only when a word near them says so: the second half of the table of personal data."""

import re
from collections.abc import Callable

from extproc.detectors import validators as v
from extproc.detectors.pii_rules import PII_RULES, PiiRule

_BEFORE = r"(?<![\w-])(?<!\d[.,])"
_AFTER = r"(?![\w])(?!-\w)(?![.,]\d)"

# type, the number as written, its trigger, validator, score, rank, the words
_Row = tuple[str, str, bytes, Callable[[str], bool] | None, int, int, str]
_NUMBERS: tuple[_Row, ...] = (
    ("UK_NHS", r"\d{3}[- ]?\d{3}[- ]?\d{4}", rb"[0-9]{3}[- ]?[0-9]{3}[- ]?[0-9]{4}\b", v.uk_nhs, 92, 78,
     r"nhs|national health|health service|patient"),
    ("ABA_ROUTING_NUMBER", r"\d{9}|\d{4}-\d{4}-\d", rb"[0-9]{4}-?[0-9]{4}-?[0-9]\b", v.aba_routing, 90, 77,
     r"aba|routing|rtn|transit|ach|wire"),
    ("NL_BSN", r"\d{9}|\d{4}[ .]\d{2}[ .]\d{3}", rb"[0-9]{4}[ .]?[0-9]{2}[ .]?[0-9]{3}\b", v.nl_bsn, 90, 77,
     r"bsn|burgerservicenummer|sofinummer|sofi"),
    ("AU_TFN", r"\d{3} ?\d{3} ?\d{3}", rb"[0-9]{3} ?[0-9]{3} ?[0-9]{3}\b", v.au_tfn, 90, 77, r"tfn|tax file"),
    ("CA_SIN", r"\d{3}[- ]?\d{3}[- ]?\d{3}", rb"[0-9]{3}[- ]?[0-9]{3}[- ]?[0-9]{3}\b", v.ca_sin, 90, 77,
     r"sin|social insurance|assurance sociale|nas"),
    ("AU_ABN", r"\d{2} ?\d{3} ?\d{3} ?\d{3}", rb"[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}\b", v.au_abn, 85, 76,
     r"abn|australian business"),
    ("AU_MEDICARE", r"[2-6]\d{3} ?\d{5} ?\d{1,2}", rb"[2-6][0-9]{3} ?[0-9]{5} ?[0-9]{1,2}\b", v.au_medicare, 85, 76, r"medicare"),
    ("IMEI", r"\d{15}|\d{2}-\d{6}-\d{6}-\d", rb"[0-9]{2}-?[0-9]{6}-?[0-9]{6}-?[0-9]\b", v.imei, 92, 91, r"imei|handset|device"),
    ("PL_PESEL", r"\d{11}", rb"[0-9]{11}\b", v.pl_pesel, 92, 78, r"pesel"),
    ("DE_TAX_ID", r"\d{2} ?\d{3} ?\d{3} ?\d{3}", rb"[0-9]{2} ?[0-9]{3} ?[0-9]{3} ?[0-9]{3}\b", v.de_tax_id, 90, 78,
     r"steuer-?id(?:entifikationsnummer)?|steueridentifikationsnummer|idnr|tin|steuernummer"),
    ("FR_NIR", r"[12] ?\d{2} ?\d{2} ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}",
     rb"\b[12] ?[0-9]{2} ?[0-9]{2} ?[0-9][0-9ab] ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}\b", v.fr_nir, 92, 91,
     r"nir|s[ée]curit[ée] sociale|num[ée]ro de s[ée]cu|insee"),
    ("SE_PERSONNUMMER", r"(?:\d{2})?\d{6}[-+ ]?\d{4}", rb"[0-9]{6}[-+ ]?[0-9]{4}\b", v.se_personnummer, 90, 78,
     r"personnummer|personal identity|swedish"),
    ("TR_NATIONAL_ID", r"[1-9]\d{10}", rb"[1-9][0-9]{10}\b", v.tr_id, 90, 77,
     r"t\.?c\.?(?: kimlik)?|kimlik(?: no)?|tckn|turkish id"),
    ("TH_TNIN", r"\d-?\d{4}-?\d{5}-?\d{2}-?\d", rb"[0-9]-?[0-9]{4}-?[0-9]{5}-?[0-9]{2}-?[0-9]\b", v.th_tnin, 90, 78,
     r"thai(?: national)? id|บัตรประชาชน|เลขประจำตัวประชาชน|thailand|tnin"),
    ("ZA_ID_NUMBER", r"\d{6} ?\d{4} ?\d{3}", rb"[0-9]{6} ?[0-9]{4} ?[0-9]{3}\b", v.za_id, 90, 78,
     r"south african|rsa id|sa id|za id|id (?:number|no)"),
    ("US_NPI", r"[12]\d{9}", rb"[12][0-9]{9}\b", v.us_npi, 90, 77, r"npi|provider id(?:entifier)?"),
    ("US_PASSPORT", r"[A-Za-z]?\d{8,9}", rb"[a-z]?[0-9]{8,9}\b", None, 75, 73,
     r"passport(?:s| no| number| #)?|passeport|reisepass(?:nummer)?|pasaporte|passaporto"),
    ("IN_PASSPORT", r"[A-PR-WYa-pr-wy][1-9]\d{6}", rb"[a-z][0-9]{7}\b", None, 75, 73, r"passport(?: no| number)?"),
    ("US_DRIVER_LICENSE", r"[A-Z]\d{3}-?\d{4}-?\d{4,5}|[A-Z]\d{7,8}", rb"[a-z][0-9-]{7,15}\b", None, 70, 72,
     r"driver'?s? licen[cs]e|driving licen[cs]e|licen[cs]e (?:no|number)|dl#?"),
    ("US_BANK_NUMBER", r"\d{8,17}", rb"[0-9]{8,17}\b", None, 65, 42,
     r"account (?:no|number|#)|acct(?: no| #)?|bank account|kontonummer"),
)  # fmt: skip

NUMBER_RULES: tuple[PiiRule, ...] = tuple(
    PiiRule(
        type_,
        trigger,
        re.compile(f"{_BEFORE}(?:{exact}){_AFTER}"),
        valid,
        rank,
        score,
        40,
        re.compile(rf"(?<![a-z])(?:{words})(?![a-z])", re.IGNORECASE),
    )
    for type_, exact, trigger, valid, score, rank, words in _NUMBERS
)
ALL_RULES: tuple[PiiRule, ...] = PII_RULES + NUMBER_RULES
PII_TYPES: tuple[str, ...] = tuple(dict.fromkeys(rule.type for rule in ALL_RULES))
