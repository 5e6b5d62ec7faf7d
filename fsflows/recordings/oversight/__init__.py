"""Oversight: what those who answer for recordings ask for, whatever the calls do.

How long they are kept (`expiry`); whether the journal says what the disk says (`verifying`); what came back with a
backup (`returned`); what only a person can know (`settling`). They don't need one another: read any first.
"""
