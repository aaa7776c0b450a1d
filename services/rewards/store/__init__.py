"""Tables of rewards and the statements on them."""

from services.rewards.store.gifts import (
    add_gift,
    add_movement,
    change_gift,
    find_gift,
    find_movement,
    lock_gift,
    lock_stock,
    move_stock,
)
from services.rewards.store.redemptions import (
    AtDesk,
    add_redemption,
    find_at_desk,
    find_order,
    find_redemption,
    give_back,
    list_overdue,
    list_redemptions,
    lock_redemption,
    move_redemption,
    take,
)
from services.rewards.store.tables import Gift, Redemption, Stock, StockMovement, Taken, db

__all__ = [
    "AtDesk",
    "Gift",
    "Redemption",
    "Stock",
    "StockMovement",
    "Taken",
    "add_gift",
    "add_movement",
    "add_redemption",
    "change_gift",
    "db",
    "find_at_desk",
    "find_gift",
    "find_movement",
    "find_order",
    "find_redemption",
    "give_back",
    "list_overdue",
    "list_redemptions",
    "lock_gift",
    "lock_redemption",
    "lock_stock",
    "move_redemption",
    "move_stock",
    "take",
]
