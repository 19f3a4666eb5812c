"""Numbers that mean somebody only when a word near them says so: the second half of the table of personal data."""

import re
from collections.abc import Callable

from extproc.detectors import validators as v
from extproc.detectors.boundaries import ALONE, ALONE_END, TOUCHING, TOUCHING_END
from extproc.detectors.pii_rules import NOT_AFTER_LETTER, NOT_BEFORE_LETTER, PII_RULES, PiiRule

# type, the number as written, validator, score, rank, the words
_Row = tuple[str, str, Callable[[str], bool] | None, int, int, str]
_NUMBERS: tuple[_Row, ...] = (
    ("UK_NHS", r"\d{3}[- ]?\d{3}[- ]?\d{4}", v.uk_nhs, 92, 78,
     r"nhs|national health|health service|patient"),
    ("ABA_ROUTING_NUMBER", r"\d{9}|\d{4}-\d{4}-\d", v.aba_routing, 90, 77,
     r"aba|routing|rtn|transit|ach|wire"),
    ("NL_BSN", r"\d{9}|\d{4}[ .]\d{2}[ .]\d{3}", v.nl_bsn, 90, 77,
     r"bsn|burgerservicenummer|sofinummer|sofi"),
    ("AU_TFN", r"\d{3} ?\d{3} ?\d{3}", v.au_tfn, 90, 77, r"tfn|tax file"),
    ("CA_SIN", r"\d{3}[- ]?\d{3}[- ]?\d{3}", v.ca_sin, 90, 77,
     r"sin|social insurance|assurance sociale|nas"),
    ("AU_ABN", r"\d{2} ?\d{3} ?\d{3} ?\d{3}", v.au_abn, 85, 76,
     r"abn|australian business"),
    ("AU_MEDICARE", r"[2-6]\d{3} ?\d{5} ?\d{1,2}", v.au_medicare, 85, 76, r"medicare"),
    ("IMEI", r"\d{15}|\d{2}-\d{6}-\d{6}-\d", v.imei, 92, 91, r"imei|handset|device"),
    ("PL_PESEL", r"\d{11}", v.pl_pesel, 92, 78, r"pesel"),
    ("DE_TAX_ID", r"\d{2} ?\d{3} ?\d{3} ?\d{3}", v.de_tax_id, 90, 78,
     r"steuer-?id(?:entifikationsnummer)?|steueridentifikationsnummer|idnr|tin|steuernummer"),
    ("FR_NIR", r"[12] ?\d{2} ?\d{2} ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}", v.fr_nir, 92, 91,
     r"nir|s(?:é|e)curit(?:é|e) sociale|num(?:é|e)ro de s(?:é|e)cu|insee"),
    ("SE_PERSONNUMMER", r"(?:\d{2})?\d{6}[-+ ]?\d{4}", v.se_personnummer, 90, 78,
     r"personnummer|personal identity|swedish"),
    ("TR_NATIONAL_ID", r"[1-9]\d{10}", v.tr_id, 90, 77,
     r"t\.?c\.?(?: kimlik)?|kimlik(?: no)?|tckn|turkish id"),
    ("TH_TNIN", r"\d-?\d{4}-?\d{5}-?\d{2}-?\d", v.th_tnin, 90, 78,
     r"thai(?: national)? id|บัตรประชาชน|เลขประจำตัวประชาชน|thailand|tnin"),
    ("ZA_ID_NUMBER", r"\d{6} ?\d{4} ?\d{3}", v.za_id, 90, 78,
     r"south african|rsa id|sa id|za id|id (?:number|no)"),
    ("US_NPI", r"[12]\d{9}", v.us_npi, 90, 77, r"npi|provider id(?:entifier)?"),
    ("US_PASSPORT", r"[A-Za-z]?\d{8,9}", None, 75, 73,
     r"passport(?:s| no| number| #)?|passeport|reisepass(?:nummer)?|pasaporte|passaporto"),
    ("IN_PASSPORT", r"[A-PR-WYa-pr-wy][1-9]\d{6}", None, 75, 73, r"passport(?: no| number)?"),
    ("US_DRIVER_LICENSE", r"[A-Z]\d{3}-?\d{4}-?\d{4,5}|[A-Z]\d{7,8}", None, 70, 72,
     r"driver'?s? licen[cs]e|driving licen[cs]e|licen[cs]e (?:no|number)|dl#?"),
    ("US_BANK_NUMBER", r"\d{8,17}", None, 65, 42,
     r"account (?:no|number|#)|acct(?: no| #)?|bank account|kontonummer"),
)  # fmt: skip


def _bounded(exact: str, *, proven: bool) -> str:
    """The number with its boundaries: one with a check digit may touch letters."""
    if proven:
        return f"{TOUCHING}(?:{exact}){TOUCHING_END}"
    return f"{ALONE}(?:{exact}){ALONE_END}"


NUMBER_RULES: tuple[PiiRule, ...] = tuple(
    PiiRule(
        type_,
        b"",
        re.compile(_bounded(exact, proven=valid is not None)),
        valid,
        rank,
        score,
        40,
        re.compile(f"{NOT_AFTER_LETTER}(?:{words}){NOT_BEFORE_LETTER}", re.IGNORECASE),
    )
    for type_, exact, valid, score, rank, words in _NUMBERS
)
ALL_RULES: tuple[PiiRule, ...] = PII_RULES + NUMBER_RULES
PII_TYPES: tuple[str, ...] = tuple(dict.fromkeys(rule.type for rule in ALL_RULES))
