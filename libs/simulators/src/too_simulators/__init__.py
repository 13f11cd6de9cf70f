"""The outside world in its real wire formats: GCN, Twilio, SMTP, Slack, telescopes, IRSA."""
