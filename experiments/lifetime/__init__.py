"""Lifetimes: is what was lived, and what was heard, worth anything; and what does a being make of it?"""
