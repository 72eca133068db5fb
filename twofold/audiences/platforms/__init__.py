"""The platforms whose lists of people can be kept: a closed tuple."""

from twofold.audiences.platforms.contract import Keeper
from twofold.audiences.platforms.google import GOOGLE
from twofold.audiences.platforms.meta import META
from twofold.audiences.platforms.tiktok import TIKTOK

KEEPERS: tuple[Keeper, ...] = (META, GOOGLE, TIKTOK)
BY_PLATFORM = {keeper.platform: keeper for keeper in KEEPERS}
