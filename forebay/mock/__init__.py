"""A provider in the shapes of OpenAI and Anthropic that needs no account: for the demo, for tests, for first steps.

    http1      just enough HTTP/1.1: one request in, one answer out, keep-alive, backpressure
    script     what the provider does with the next requests: fail, wait, reset, say, swell
    answers    the JSON of chat completions, streams, embeddings, model lists and errors
    responses  the same for OpenAI's Responses
    messages   and for Anthropic's Messages
    received   what came in, bounded, for those who want to look
    server     the provider itself: in process (`MockProvider`) or for ever (`serve`)
    built_in   every built-in provider of a config, in one process that follows the file

By default it answers with the last user message, so that whatever reached it can be seen in the answer.
"""
