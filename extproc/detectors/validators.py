"""Check digits and number plans: is this string the number it looks like? Pure; each takes the text as found.

Every function returns True when the number could have been issued and False otherwise, and raises for no string.
The rules are public standards; each docstring names its source.
"""

import ipaddress
import re

_NOT_DIGIT = re.compile(r"\D")


def digits_of(text: str) -> str:
    """Only the ASCII digits of `text`."""
    return "".join(character for character in text if "0" <= character <= "9")


def _weighted(digits: str, weights: tuple[int, ...]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def _all_same(digits: str) -> bool:
    return len(set(digits)) <= 1


def luhn(text: str) -> bool:
    """Luhn's check digit (ISO/IEC 7812-1 annex B)."""
    digits = digits_of(text)
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if index % 2 else 1)
        total += value - 9 if value > 9 else value
    return bool(digits) and total % 10 == 0 and not _all_same(digits)


_CARD_PLANS = (  # issuer prefixes (ISO/IEC 7812-1, the networks' published ranges) and lengths
    (re.compile(r"4"), (13, 16, 19)),
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), (16,)),
    (re.compile(r"3[47]"), (15,)),
    (re.compile(r"30[0-5]|3095|3[689]"), (14, 16)),
    (re.compile(r"6011|64[4-9]|65|622"), (16, 17, 18, 19)),
    (re.compile(r"352[89]|35[3-8]"), (16, 17, 18, 19)),
    (re.compile(r"2131|1800"), (15,)),
    (re.compile(r"62|81"), (16, 17, 18, 19)),
    (re.compile(r"50|5[6-9]|6[0137]"), (12, 13, 14, 15, 16, 17, 18, 19)),
    (re.compile(r"220[0-4]"), (16, 17, 18, 19)),
    (re.compile(r"60|65|81|82|508|353|356"), (16,)),
)


def credit_card(text: str) -> bool:
    """A payment card: issuer prefix with its length, and Luhn."""
    digits = digits_of(text)
    return any(len(digits) in lengths and prefix.match(digits) for prefix, lengths in _CARD_PLANS) and luhn(digits)


_MAJOR_PLANS = (  # the large networks' usual lengths, Maestro's published prefixes
    (re.compile(r"4|5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720|6011|64[4-9]|65|352[89]|35[3-8]|62"), 16),
    (re.compile(r"5018|5020|5038|5893|6304|6759|676[1-3]"), 16),
    (re.compile(r"3[47]"), 15),
    (re.compile(r"30[0-5]|3[689]"), 14),
)


def major_card(text: str) -> bool:
    """A payment card of a large network in its usual length, and Luhn: few other numbers are one by chance."""
    digits = digits_of(text)
    return any(len(digits) == length and prefix.match(digits) for prefix, length in _MAJOR_PLANS) and luhn(digits)


def card_part(text: str) -> str:
    """`text` without a group of three digits at its end when it is a card number only without it (a CVC)."""
    shorter = _LAST_THREE.sub("", text)
    return shorter if shorter != text and not credit_card(text) else text


_LAST_THREE = re.compile(r"(?<=\d)[ -]{1,2}\d{3}\Z")

_IBAN_PLAN = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 "
    "EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 "
    "IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 "
    "NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 "
    "SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30 "
)
_IBAN_LENGTHS = {entry[:2]: int(entry[2:]) for entry in _IBAN_PLAN.split()}
IBAN_COUNTRIES = tuple(_IBAN_LENGTHS)


def iban(text: str) -> bool:
    """An IBAN: the country's length and mod-97 (ISO 13616, SWIFT's IBAN registry)."""
    compact = re.sub(r"[^A-Za-z0-9]", "", text).upper()
    if _IBAN_LENGTHS.get(compact[:2]) != len(compact) or not compact[2:4].isdigit():
        return False
    return int("".join(str(int(character, 36)) for character in compact[4:] + compact[:4])) % 97 == 1


def iban_part(text: str) -> str:
    """The start of `text` that has as many letters and digits as an IBAN of its country; all of it for no country."""
    left = _IBAN_LENGTHS.get(text[:2].upper(), len(text))
    for index, character in enumerate(text):
        left -= character.isalnum()
        if left == 0:
            return text[: index + 1]
    return text


def ip_address(text: str) -> bool:
    """An IPv4 or IPv6 address or network (RFC 791, RFC 4291), except the all-zero one."""
    try:
        network = ipaddress.ip_interface(text.strip("[]"))
    except ValueError:
        return False
    return int(network.ip) != 0 or "/" in text


def ipv6_address(text: str) -> bool:
    """An IPv6 address or network that no time of day or C++ name is: some digit, and `::` or three colons."""
    return any(map(str.isdigit, text)) and (text.count(":") >= 3 or "::" in text) and ip_address(text)


def mac_address(text: str) -> bool:
    """A hardware address (IEEE 802) that is not one character repeated."""
    return len(set(text) - set(":-.")) > 1


def us_ssn(text: str) -> bool:
    """A US social security number: area, group and serial that may be issued (SSA, randomisation of 2011)."""
    digits = digits_of(text)
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    if len(digits) != 9 or area in {"000", "666"} or area >= "900" or group == "00" or serial == "0000":
        return False
    return digits not in {"078051120", "219099999", "123456789"} and not _all_same(digits)


def us_itin(text: str) -> bool:
    """A US individual taxpayer number: 9xx, group 50-65, 70-88, 90-92 or 94-99 (IRS)."""
    digits = digits_of(text)
    group = int(digits[3:5] or 0)
    in_group = 50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 92 or 94 <= group <= 99
    return len(digits) == 9 and digits[0] == "9" and in_group


def us_npi(text: str) -> bool:
    """A US provider id: Luhn over 80840 and the ten digits (CMS)."""
    digits = digits_of(text)
    return len(digits) == 10 and digits[0] in "12" and luhn("80840" + digits)


def aba_routing(text: str) -> bool:
    """A US bank routing number: Federal Reserve prefix and weights 3-7-1 (ABA)."""
    digits = digits_of(text)
    prefix = int(digits[:2] or 99)
    plausible = prefix <= 12 or 21 <= prefix <= 32 or 61 <= prefix <= 72 or prefix == 80
    return len(digits) == 9 and plausible and _weighted(digits, (3, 7, 1) * 3) % 10 == 0 and not _all_same(digits)


def uk_nhs(text: str) -> bool:
    """A British health number: mod 11 (NHS data dictionary)."""
    digits = digits_of(text)
    if len(digits) != 10 or _all_same(digits):
        return False
    check = 11 - _weighted(digits, (10, 9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return check != 10 and check % 11 == int(digits[9])


def uk_nino(text: str) -> bool:
    """A British national insurance number: allowed prefixes (HMRC NIM39110)."""
    prefix = re.sub(r"\W", "", text)[:2].upper()
    return (
        prefix not in {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"}
        and not set(prefix) & set("DFIQUV")
        and prefix[1:] != "O"
    )


_VERHOEFF_P = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def _dihedral(a: int, b: int) -> int:
    """The product in the dihedral group of ten elements, on which Verhoeff's check is built."""
    if a < 5:
        return (a + b) % 5 if b < 5 else (a + b - 5) % 5 + 5
    return (a - b) % 5 + 5 if b < 5 else (a - b) % 5


def verhoeff(text: str) -> bool:
    """Verhoeff's dihedral check digit (J. Verhoeff, 1969)."""
    value = 0
    for index, digit in enumerate(reversed(digits_of(text))):
        place = int(digit)
        for _ in range(index % 8):
            place = _VERHOEFF_P[place]
        value = _dihedral(value, place)
    return value == 0


def aadhaar(text: str) -> bool:
    """An Indian Aadhaar number: 12 digits, first 2-9, Verhoeff, no palindrome (UIDAI)."""
    digits = digits_of(text)
    return len(digits) == 12 and digits[0] > "1" and digits != digits[::-1] and verhoeff(digits)


def in_pan(text: str) -> bool:
    """An Indian PAN: the fourth letter is a holder type (Income Tax Department)."""
    return text[3:4].upper() in set("ABCFGHJLPT")


def br_cpf(text: str) -> bool:
    """A Brazilian CPF: two mod-11 digits (Receita Federal)."""
    digits = digits_of(text)
    return (
        len(digits) == 11
        and not _all_same(digits)
        and all(
            _weighted(digits[:length], tuple(range(length + 1, 1, -1))) * 10 % 11 % 10 == int(digits[length])
            for length in (9, 10)
        )
    )


_NIF_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"


def es_nif(text: str) -> bool:
    """A Spanish NIF or NIE: letter by mod 23 (Ministerio del Interior)."""
    compact = re.sub(r"\W", "", text).upper()
    number = compact[:-1].translate(str.maketrans("XYZ", "012"))
    return number.isdigit() and _NIF_LETTERS[int(number) % 23] == compact[-1]


def pl_pesel(text: str) -> bool:
    """A Polish PESEL: a date with century and weights 1-3-7-9 (Ministerstwo Cyfryzacji)."""
    digits = digits_of(text)
    if len(digits) != 11 or not 1 <= int(digits[2:4]) % 20 <= 12 or not 1 <= int(digits[4:6]) <= 31:
        return False
    return (10 - _weighted(digits[:10], (1, 3, 7, 9) * 3) % 10) % 10 == int(digits[10])


def nl_bsn(text: str) -> bool:
    """A Dutch BSN: the eleven test (Rijksdienst voor Identiteitsgegevens)."""
    digits = digits_of(text)
    return len(digits) == 9 and not _all_same(digits) and _weighted(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def au_tfn(text: str) -> bool:
    """An Australian tax file number: weighted sum mod 11 (ATO)."""
    digits = digits_of(text)
    return len(digits) == 9 and not _all_same(digits) and _weighted(digits, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def au_abn(text: str) -> bool:
    """An Australian business number: mod 89 after taking one from the first digit (ABR)."""
    digits = digits_of(text)
    if len(digits) != 11 or digits[0] == "0":
        return False
    return (_weighted(digits, (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)) - 10) % 89 == 0


def au_medicare(text: str) -> bool:
    """An Australian Medicare number: first 2-6, weights 1-3-7-9 (Services Australia)."""
    digits = digits_of(text)
    plausible = len(digits) in {10, 11} and digits[0] in "23456"
    return plausible and _weighted(digits[:8], (1, 3, 7, 9, 1, 3, 7, 9)) % 10 == int(digits[8])


def ca_sin(text: str) -> bool:
    """A Canadian SIN: Luhn, not starting with 0 or 8 (Service Canada)."""
    digits = digits_of(text)
    return len(digits) == 9 and digits[0] not in "08" and luhn(digits)


def sg_nric(text: str) -> bool:
    """A Singaporean NRIC or FIN: checksum letter (ICA; the scheme is public knowledge, not an official publication)."""
    compact = text.upper()
    total = _weighted(compact[1:8], (2, 7, 6, 5, 4, 3, 2))
    series = compact[0]
    if series == "M":
        return "KLJNPQRTUWX"[10 - (total + 3) % 11] == compact[8]
    letters = "JZIHGFEDCBA" if series in "ST" else "XWUTRQPNMLK"
    return letters[(total + (4 if series in "TG" else 0)) % 11] == compact[8]


def imei(text: str) -> bool:
    """A device's IMEI: 15 digits, Luhn (3GPP TS 23.003)."""
    digits = digits_of(text)
    return len(digits) == 15 and luhn(digits)


def de_tax_id(text: str) -> bool:
    """A German Steuer-ID: ISO 7064 mod 11,10 and the repetition rule (Bundeszentralamt für Steuern)."""
    digits = digits_of(text)
    if len(digits) != 11 or digits[0] == "0" or len(set(digits[:10])) not in {8, 9}:
        return False
    product = 10
    for digit in digits[:10]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(digits[10])


_CODICE_ODD = dict(zip("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10,
     22, 25, 24, 23), strict=True))  # fmt: skip


def it_fiscal_code(text: str) -> bool:
    """An Italian codice fiscale: control letter (D.M. 23/12/1976)."""
    code = text.upper()
    total = sum(_CODICE_ODD[character] for character in code[0:15:2])
    total += sum(int(c) if c.isdigit() else ord(c) - 65 for c in code[1:15:2])
    return chr(65 + total % 26) == code[15]


def fr_nir(text: str) -> bool:
    """A French NIR: key = 97 - number mod 97, Corsican departments as 19 and 18 (INSEE)."""
    compact = re.sub(r"\s", "", text).upper().replace("2A", "19").replace("2B", "18")
    return compact.isdigit() and len(compact) == 15 and 97 - int(compact[:13]) % 97 == int(compact[13:])


def se_personnummer(text: str) -> bool:
    """A Swedish personal number: a date (day + 60 for co-ordination numbers) and Luhn (Skatteverket)."""
    digits = digits_of(text)[-10:]
    plausible = len(digits) == 10 and 1 <= int(digits[2:4]) <= 12 and 1 <= int(digits[4:6]) % 60 <= 31
    return plausible and luhn(digits)


def fi_hetu(text: str) -> bool:
    """A Finnish personal identity code: mod 31 (Digi- ja väestötietovirasto)."""
    number = digits_of(text[:6]) + digits_of(text[7:10])
    plausible = 1 <= int(number[:2]) <= 31 and 1 <= int(number[2:4]) <= 12
    return plausible and "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(number) % 31] == text[10].upper()


def tr_id(text: str) -> bool:
    """A Turkish identity number: two check digits (NVI)."""
    d = [int(digit) for digit in digits_of(text)]
    if len(d) != 11 or d[0] == 0:
        return False
    return (sum(d[0:9:2]) * 7 - sum(d[1:8:2])) % 10 == d[9] and sum(d[:10]) % 10 == d[10]


def kr_rrn(text: str) -> bool:
    """A Korean resident number: a date and a century digit (MOIS; without a check digit since October 2020)."""
    digits = digits_of(text)
    return len(digits) == 13 and 1 <= int(digits[2:4]) <= 12 and 1 <= int(digits[4:6]) <= 31 and digits[6] in "12345678"


def cn_ric(text: str) -> bool:
    """A Chinese resident id: birth date and ISO 7064 mod 11-2 (GB 11643-1999)."""
    if not 1 <= int(text[10:12]) <= 12 or not 1 <= int(text[12:14]) <= 31 or text[6:8] not in {"18", "19", "20"}:
        return False
    total = _weighted(text[:17], (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2))
    return "10X98765432"[total % 11] == text[17].upper()


def th_tnin(text: str) -> bool:
    """A Thai identity number: mod 11 (Department of Provincial Administration)."""
    digits = digits_of(text)
    if len(digits) != 13 or digits[0] == "0" or _all_same(digits):
        return False
    return (11 - _weighted(digits[:12], tuple(range(13, 1, -1))) % 11) % 10 == int(digits[12])


def za_id(text: str) -> bool:
    """A South African identity number: a date and Luhn (Department of Home Affairs)."""
    digits = digits_of(text)
    plausible = len(digits) == 13 and 1 <= int(digits[2:4]) <= 12 and 1 <= int(digits[4:6]) <= 31
    return plausible and digits[10] in "012" and luhn(digits)


def phone(text: str) -> bool:
    """A telephone number's shape: 7 to 15 digits (ITU-T E.164), not all the same, no date."""
    digits = digits_of(text)
    if not 7 <= len(digits) <= 15 or len(set(digits)) < 3:
        return False
    return _DATE.fullmatch(text.strip()) is None


_DATE = re.compile(
    r"(?:19|20)\d\d[-/. ]\d{1,2}[-/. ]\d{1,2}|\d{1,2}[-/. ]\d{1,2}[-/. ](?:19|20)\d\d|(?:19|20)\d\d-(?:19|20)\d\d"
)
