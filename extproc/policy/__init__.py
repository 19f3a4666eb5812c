"""The policy's decision about a call, asked of Rego rules that run in worker processes.

document    content-free facts -> the `input` of the policy
verdict     the policy's `decision` -> PolicyVerdict; strict, because a misread denial is an open door
schema      JSON Schemas of both, committed under policies/
sources     rule and data files, read once; their revision
rego        Rego text -> tokens and statements, no more than the checks need
builtins    the builtin functions a rule may call, and why not the others
lint        what is refused before anything is compiled
reads       which parts of the document the rules read: only those are sent, and remembered by
interpreter regopy behind one small class; the only place that imports it
worker      the child process: frames in, decisions out
process     the parent's end of one worker
evaluator   a small pool of workers, a deadline, a memory of decisions
check       the problems of a set of policy files, for `forebay validate`
"""
