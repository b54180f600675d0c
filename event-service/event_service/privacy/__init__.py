"""The privacy note and who answers for it, as the settings say."""
