"""`./dev verify`: does everything hold that must always hold, in the databases as they are now?"""
