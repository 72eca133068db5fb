"""What couriers say in files: remittances of cash on delivery, and lists of parcels with their states.

No courier's own format is known; headers that are common to them are, and an [[import]] names any other.
"""

from __future__ import annotations
