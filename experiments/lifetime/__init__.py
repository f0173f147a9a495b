"""Lifetimes: is what was lived, and what was heard, worth anything?"""
