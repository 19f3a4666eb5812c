# ruff: noqa: E501 - a table row is one line
"""The table of personal data: per type a trigger, an exact pattern, a validator and the words that must stand near.

`needs` = the type is reported only with one of its context words near, or in its unmistakable form (`plain`). A number
without a check digit, or one in which a tenth of all numbers pass it, always needs context.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from extproc.detectors import validators as v
from extproc.detectors.wallets import crypto


@dataclass(frozen=True, slots=True)
class PiiRule:
    """One way to write one type. `width` bounds the exact match; `rank` decides between types on the same stretch."""

    type: str
    trigger: bytes
    exact: re.Pattern[str]
    valid: Callable[[str], bool] | None
    rank: int
    score: int
    width: int = 40
    context: re.Pattern[str] | None = None  # must stand within CONTEXT characters before, or a few after
    trim: Callable[[str], str] | None = None  # the part of a match that is the value, when the pattern reaches too far


CONTEXT = 48
NOT_AFTER_LETTER, NOT_BEFORE_LETTER = "(?<![a-z])", "(?![a-z])"


def _words(*words: str) -> re.Pattern[str]:
    return re.compile(f"{NOT_AFTER_LETTER}(?:{'|'.join(words)}){NOT_BEFORE_LETTER}", re.IGNORECASE)


def _exact(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


_NOT_IN = r"(?<![\w./@#&+-])"  # a bare number is not part of a longer token
_ALONE = r"(?<![\w-])(?<!\d[.,])"
_END = r"(?![\w])(?!-\w)(?![.,]\d)"

_PHONE_WORDS = _words(
    "phones?", "tel", "telephone", "telefon(?:o|e|nummer)?", "téléphone", "mobile", "mobil", "cell", "cellphone", "call", "called",
    "calling", "fax", "sms", "text(?:ed)?", "whatsapp", "contact", "reach", "hotline", "dial", "ring", "number is", "handynummer",
    "celular", "portable", "numero", "móvil", "rufnummer", "电话", "手机", "電話", "携帯", "телефон", "phone_?number", "handy", "signal",
    "messages? to", "answering at", "office", "zadzwoń", "ligue", "llame", "appelez",
)  # fmt: skip

PII_RULES: tuple[PiiRule, ...] = (
    PiiRule(
        "EMAIL_ADDRESS",
        rb"[a-z0-9_%+'-]@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){0,5}\.[a-z]{2}",
        _exact(
            r"(?<![\w%+-])[A-Za-z0-9_%+'-](?:[\w.%+'-]{0,62}[\w%+'-])?"
            r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}[A-Za-z]{2,24}(?![\w-]|\.\w)"
        ),
        None, 60, 99, 330,
    ),
    PiiRule(
        "EMAIL_ADDRESS",
        rb"[^\x00-\x7f]@[a-z0-9-]|@[a-z0-9.-]{0,100}[^\x00-\x7f]",
        _exact(r"(?<![\w.%+-])[\w%+-][\w.%+-]{0,63}@(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?![\w-])"),
        None, 55, 95, 330,
    ),
    PiiRule(
        "CREDIT_CARD",
        rb"[0-9](?:[ -]?[0-9]){11,18}\b",
        _exact(_ALONE + r"(?:\d{4}[ -]\d{4}[ -]\d{4}[ -]\d{4}(?:[ -]\d{3})?|\d{4}[ -]\d{6}[ -]\d{4,5}|\d{12,19})" + _END),
        v.credit_card, 90, 98,
    ),
    PiiRule(
        "IBAN_CODE",
        rb"\b[a-z]{2}[0-9]{2}(?:[ -]?[a-z0-9]){11,30}\b",
        _exact(r"(?<![\w-])[A-Za-z]{2}\d{2}(?:[ -]?[A-Za-z0-9]{4}){2,7}(?:[ -]?[A-Za-z0-9]{1,4})?(?!\w)"),
        v.iban, 95, 99, 48, trim=v.iban_part,
    ),
    PiiRule("US_SSN", rb"[0-9]{3}[- ][0-9]{2}[- ][0-9]{4}\b", _exact(_NOT_IN + r"\d{3}-\d{2}-\d{4}(?![\w/@-]|\.\d)"), v.us_ssn, 70, 90),
    PiiRule(
        "US_SSN", rb"\b[0-9]{3}[-. ]?[0-9]{2}[-. ]?[0-9]{4}\b", _exact(_ALONE + r"\d{3}([-. ]?)\d{2}\1\d{4}" + _END), v.us_ssn, 75, 92,
        context=_words("ssn", "ss#", "ssns?", "social security", "social-security", "socials?", "soc sec"),
    ),
    PiiRule("US_ITIN", rb"\b9[0-9]{2}-[0-9]{2}-[0-9]{4}\b", _exact(_NOT_IN + r"9\d{2}-\d{2}-\d{4}(?![\w/@-]|\.\d)"), v.us_itin, 72, 88),
    PiiRule(
        "US_ITIN", rb"\b9[0-9]{2}[- ]?[0-9]{2}[- ]?[0-9]{4}\b", _exact(_ALONE + r"9\d{2}[- ]?\d{2}[- ]?\d{4}" + _END), v.us_itin, 76, 90,
        context=_words("itin", "taxpayer", "tax id", "individual taxpayer"),
    ),
    PiiRule(
        "IP_ADDRESS", rb"\b[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\b",
        _exact(
            r"(?<![\w.+-])(?<!\b[vV]ersion )(?<!\b[vV]er )(?<!\brelease )(?<!\bbuild )(?<!==)(?<!>=)(?<!~=)(?<!@)"
            r"(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:/(?:3[0-2]|[12]?\d))?(?![\w-]|\.\d|/\d)"
        ),
        v.ip_address, 65, 85,
    ),
    PiiRule(
        "IP_ADDRESS", rb"[0-9a-f:]:[0-9a-f]{0,4}:[0-9a-f:]|::[0-9a-f]",
        _exact(
            r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9A-Fa-f]{0,4})(?:%\w{1,16})?(?:/\d{1,3})?(?![\w:]|\.\d)"
        ),
        v.ipv6_address, 66, 90, 64,
    ),
    PiiRule(
        "MAC_ADDRESS", rb"\b(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}\b|\b(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}\b",
        _exact(r"(?<![\w:.-])(?:[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4})(?![\w:-])"),
        v.mac_address, 68, 95,
    ),
    PiiRule(
        "PHONE_NUMBER", rb"(?:\+|00)[ (]{0,2}[1-9][0-9 ()./-]{6,20}[0-9](?:[^0-9]|$)",
        _exact(
            r"(?<![\w.+-])(?<!\d )(?<![A-Za-z]\d\d )(?:\+|00)[ ]?\(?[1-9]\d{0,2}\)?(?:[ .\-/]{0,2}\(?\d{1,5}\)?){1,7}"
            r"(?:[ ]?(?:x|ext\.?|extension)[ ]?\d{1,6})?(?![\w]|[.-]\d)"
        ),
        v.phone, 45, 85,
    ),
    PiiRule(
        "PHONE_NUMBER", rb"\([0-9]{2,5}\)[ -]{0,2}[0-9]{2}|\b[0-9]{3}[-. ][0-9]{3}[-. ][0-9]{4}",
        _exact(
            r"(?<![\w.$#+-])(?<!\d )(?:(?:1[-. ])?(?:\([2-9]\d{2}\)[ -]{0,2}|[2-9]\d{2}([-.]))\d{3}[-. ]\d{4}"
            r"|\(0\d{2,5}\)[ -]{0,2}\d{3,8}(?:[ -]\d{2,6})?)"
            r"(?:[ ]?(?:x|ext\.?|extension)[ ]?\d{1,6})?(?![\w-]|\.\d)"
        ),
        v.phone, 44, 75,
    ),
    PiiRule(
        "PHONE_NUMBER", rb"[0-9][0-9 ()./-]{5,20}[0-9](?:[^0-9]|$)",
        _exact(
            r"(?<![\w.$#/+-])(?<!\d )(?<![A-Za-z]\d\d )\(?\d{2,6}\)?(?:[ .\-/]{0,2}\(?\d{1,8}\)?){1,6}(?:[ ]?(?:x|ext\.?|extension)[ ]?\d{1,6})?(?![\w:]|[.-]\d)"
        ),
        v.phone, 40, 65, 40, _PHONE_WORDS,
    ),
    PiiRule(
        "UK_NINO", rb"\b[a-z]{2} ?(?:[0-9]{2} ?){3}[a-d]\b", _exact(r"(?<!\w)[A-Za-z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-Da-d](?!\w)"), v.uk_nino,
        71, 90,
    ),
    PiiRule("IN_PAN", rb"\b[a-z]{5}[0-9]{4}[a-z]\b", _exact(r"(?<![\w-])[A-Z]{5}\d{4}[A-Z](?![\w-])"), v.in_pan, 71, 88),
    PiiRule(
        "IN_AADHAAR", rb"\b[2-9][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}\b", _exact(_ALONE + r"[2-9]\d{3}([ -])\d{4}\1\d{4}(?![\w])(?![ -]?\d)"), v.aadhaar, 77, 85,
    ),
    PiiRule(
        "IN_AADHAAR", rb"\b[2-9][0-9]{11}\b", _exact(_ALONE + r"[2-9]\d{11}" + _END), v.aadhaar, 78, 90,
        context=_words("aadhaar", "aadhar", "uidai", "uid", "आधार"),
    ),
    PiiRule("BR_CPF", rb"\b[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}\b", _exact(_NOT_IN + r"\d{3}\.\d{3}\.\d{3}-\d{2}(?!\w)"), v.br_cpf, 85, 96),
    PiiRule("BR_CPF", rb"\b[0-9]{11}\b", _exact(_ALONE + r"\d{11}" + _END), v.br_cpf, 84, 90, context=_words("cpf", "cadastro de pessoas?")),
    PiiRule(
        "ES_NIF", rb"\b[0-9]{8}[ -]?[a-z]\b", _exact(r"(?<![\w-])\d{8}-?[A-Za-z](?![\w-])"), v.es_nif, 71, 85,
    ),
    PiiRule("ES_NIE", rb"\b[xyz][ -]?[0-9]{7}[ -]?[a-z]\b", _exact(r"(?<![\w-])[XYZxyz][ -]?\d{7}-?[A-Za-z](?![\w-])"), v.es_nif, 71, 88),
    PiiRule("SG_NRIC_FIN", rb"\b[stfgm][0-9]{7}[a-z]\b", _exact(r"(?<![\w-])[STFGMstfgm]\d{7}[A-Za-z](?![\w-])"), v.sg_nric, 71, 88),
    PiiRule(
        "IT_FISCAL_CODE", rb"\b[a-z]{6}[0-9lmnpqrstuv]{2}[a-z][0-9lmnpqrstuv]{2}[a-z][0-9lmnpqrstuv]{3}[a-z]\b",
        _exact(r"(?<!\w)[A-Za-z]{6}[0-9LMNP-V]{2}[ABCDEHLMPRSTabcdehlmprst][0-9LMNP-V]{2}[A-Za-z][0-9LMNP-V]{3}[A-Za-z](?!\w)"), v.it_fiscal_code, 80, 95,
    ),
    PiiRule("FI_PERSONAL_IDENTITY_CODE", rb"\b[0-9]{6}[-+a-fu-y][0-9]{3}[0-9a-y]\b", _exact(r"(?<!\w)\d{6}[-+A-FU-Y]\d{3}[0-9A-Ya-y](?!\w)"), v.fi_hetu, 79, 90),
    PiiRule(
        "CRYPTO", rb"\b(?:[13][a-z0-9]{25,34}|bc1[a-z0-9]{11,71}|0x[0-9a-f]{40})\b",
        _exact(r"(?<!\w)(?:[13][1-9A-HJ-NP-Za-km-z]{25,34}|(?:bc1|BC1)[A-Za-z0-9]{11,71}|0x[0-9A-Fa-f]{40})(?!\w)"), crypto, 82, 95, 80,
    ),
    PiiRule(
        "CN_RESIDENT_ID", rb"\b[1-8][0-9]{16}[0-9x]\b", _exact(_ALONE + r"[1-8]\d{16}[0-9Xx]" + _END), v.cn_ric, 92, 95,
    ),
    PiiRule(
        "KR_RRN", rb"\b[0-9]{6}-[1-4][0-9]{6}\b", _exact(_NOT_IN + r"\d{6}-[1-4]\d{6}(?![\w-])"), v.kr_rrn, 79, 85,
    ),
    PiiRule(
        "KR_FRN", rb"\b[0-9]{6}-[5-8][0-9]{6}\b", _exact(_NOT_IN + r"\d{6}-[5-8]\d{6}(?![\w-])"), v.kr_rrn, 79, 85,
    ),
    PiiRule(
        "US_MBI", rb"\b[1-9][a-z][a-z0-9][0-9]-?[a-z][a-z0-9][0-9]-?[a-z]{2}[0-9]{2}\b",
        _exact(r"(?<![\w-])[1-9][AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y][AC-HJKMNP-RT-Y0-9]\d-?[AC-HJKMNP-RT-Y]{2}\d{2}(?![\w-])"), None, 80, 90,
    ),
)  # fmt: skip
