"""Telephones, Slack and mail: how people are reached, and how they answer."""
