"""Checking: what is wrong with flows that are well-formed.

Names that lead nowhere (`crosscheck`), `placeholders` that nothing sets, and what is never reached (`reach`).
"""
