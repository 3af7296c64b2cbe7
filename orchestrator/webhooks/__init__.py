"""Signed messages (Standard Webhooks): from services outside, and to those that want to be told."""
