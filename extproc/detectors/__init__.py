"""What is looked for in a text a model will read, or has written. Pure functions.

scan             all detectors over the texts of one body, as a tenant's guards ask; what `inspection` calls
scoring          the same detectors one at a time, as evaluation asks
placeholders     what stands in for a redacted value, and how it comes back

normalise        a text -> the views of it in which disguises are undone
encodings        decoders: entities, percent, escapes, base64, hex, rot13, leet; scrambled: shuffled letters
alphabets        look-alike letters, invisible characters
folding          a text -> the same text in plain digits and letters, with the way back to the original's offsets

injection        views -> evidence -> score 0-100
injection_rules  the rules, English; injection_languages: their core in other languages
pii              personal data: trigger, exact pattern, validator, context
attempts         which matches of a pattern are the value: a decoy does not use it up; each value is checked once
boundaries       what may stand directly before and behind a value
pii_rules        the table of types; pii_numbers: those that need a word near them; validators: check digits
secrets          credentials: trigger, exact pattern, entropy
secret_rules     the table of providers
leakage          answers: a long stretch of the system prompt
links            answers: addresses that carry data to another host
resolve          overlapping spans -> the ones that count
patterns         Hyperscan databases, byte offsets
describe         the tables above as docs/detectors.md
"""
