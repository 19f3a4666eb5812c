# METADATA
# title: Longest answers
# description: Caps max_tokens, lower for API keys than for people.
package forebay.rules.max_tokens

limits := data.examples.max_tokens

cap contains limits["default"]

cap contains limits.key if input.principal.auth == "key"

warn contains "MAX_TOKENS_LOWERED" if input.params.max_tokens > limits["default"]
