"""forebay schema: the JSON Schema of the config file."""


def schema() -> None:
    """Print the JSON Schema of the config file, for editors.

    \b
    Example:
      forebay schema > forebay.schema.json
    """
    from forebay.config.schema import text

    print(text(), end="")
