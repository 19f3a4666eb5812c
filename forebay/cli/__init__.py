"""The command `forebay`: one file per verb, and what several verbs share.

main             the table of verbs
options          options that mean the same everywhere
foreign          refuses to start beside somebody else's `xds` or `extproc`
running          config file -> running gateway: what `up`, `demo` and the tests do alike
judgement        what is wrong with a config: what `validate` prints and `up` insists on
up demo          the whole gateway
xds extproc record mock     one part of it, as it runs in a container
validate schema version     questions
demo_world       the config, keys and rule of the demo
demo_requests    what the demo sends, and what must come of it
demo_table       what came of it, as a table
reference        docs/cli.md, from --help
"""
