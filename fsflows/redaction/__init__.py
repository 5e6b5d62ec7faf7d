"""Finding known private values in text, however they are written. The work behind `fsflows.privacy.Redactor`."""
