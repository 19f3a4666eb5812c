"""One YAML file -> everything both planes need to know.

    load       text -> model, every error at once with file:line:col and a suggestion
    model      what a user may write (pydantic, unknown keys refused)
    resolve    model -> resolved: short forms expanded, defaults applied, references followed, digest
    resolved   the frozen result that both planes read
    secrets    `${file:...}` and `${env:...}`: references that are read late and never printed
    errors     ConfigErrors, the one exception of this package
    schema     the JSON Schema of the model
"""
