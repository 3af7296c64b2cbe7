"""One suite over every store, LangGraph's own over our saver, and files kept from each release."""
