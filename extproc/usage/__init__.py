"""Tokens and money.

tokens   how many tokens a text is, in the model's own vocabulary where it is known
cost     what an answer cost, from public list prices
"""
