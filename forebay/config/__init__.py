"""One YAML file -> everything both planes need to know.

load          file -> Resolved, or every error at once with file:line:col and a suggestion
tree          YAML text -> plain data that knows where each piece stands, within bounds
model         what a user may write (pydantic, unknown keys refused)
scalars       durations, rates, sizes, addresses, URLs, names, references
absent        what the full design has and this version refuses by name
explain       the model's complaints -> problems in our words
rules         what no single field can tell: references, weights, addresses without auth, cycles
resolve       model -> Resolved: short forms expanded, defaults applied, paths absolute, digest
defaults      every default
resolved      the frozen result that both planes read
pii_types     the kinds of personal data a config may name
policy_files  patterns -> .rego and .json files
secrets       `${file:...}` and `${env:...}`: references that are read late and never printed
references    where a config refers to keys, certificates and key sets, and what is wrong with these
published     how the control plane tells the other parts which config is in force
keys          the API keys behind a reference, checked and hidden
errors        ConfigErrors, the one exception of loading
patterns      places in a document: `models.*.backends[].use`
fields        the model, walked
schema        its JSON Schema; forebay.schema.json is the committed copy
document      its documentation, docs/config.md
"""
