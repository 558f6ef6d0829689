"""The tables of the store file: each package declares its own here, the application creates all."""

from sqlalchemy import MetaData

STORE = MetaData()
