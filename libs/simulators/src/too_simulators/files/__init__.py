"""Telescopes that take files over sftp: their readers, their robots, Gattini's database."""
