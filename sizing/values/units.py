"""Units: the only place where powers of 1000 and 1024 occur.

Basis: arithmetic (SI and IEC prefixes); a month is 30 days of storage and 730 hours of machines
(8,760 / 12).
"""

KB = 1000
MB = 1000**2
GB = 1000**3
TB = 1000**4
TERA = 1000**4

KIB = 1024
MIB = 1024**2
GIB = 1024**3

MS_PER_S = 1000
SECONDS_PER_MINUTE = 60
SECONDS_PER_HOUR = 3600
SECONDS_PER_DAY = 86_400
DAYS_PER_MONTH = 30
DAYS_PER_YEAR = 365
HOURS_PER_PRICED_MONTH = 730
