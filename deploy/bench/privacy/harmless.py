"""Numbers, codes and links that are nobody's, and look as if they were."""

import random
import string

from faker import Faker


def harmless_value(slot: str, pick: random.Random, fake: Faker) -> str:
    """What stands in a [slot] of a template."""

    def some(length: int, alphabet: str = string.digits) -> str:
        return "".join(pick.choices(alphabet, k=length))

    upper, lower_hex = string.ascii_uppercase, "0123456789abcdef"
    kinds: dict[str, tuple[str, ...]] = {
        "order": (f"#{some(6)}", some(10), f"{some(3)}-{some(7)}-{some(7)}", f"ORD-{some(8)}"),
        "date": (fake.date(), f"{pick.randint(1, 28)}.{pick.randint(1, 12)}.2026", f"{pick.randint(1, 12)}/14/2026"),
        "version": (f"{some(1)}.{some(1)}.{some(1)}", f"v{some(1)}.{some(2)}.{some(1)}.{some(3)}"),
        "sha": (some(7, lower_hex), some(40, lower_hex)),
        "sha256": (some(64, lower_hex),),
        "uuid": (fake.uuid4(),),
        "invoice": (f"INV-2026-{some(5)}", f"2026-{some(6)}", f"R{some(7)}"),
        "amount": (f"1,{some(3)}.50", f"{some(3)} EUR", f"${some(3)}.99", f"1.{some(3)},00 €"),
        "tracking": (f"1Z{some(3, upper)}{some(11)}", f"RR{some(9)}DE", some(20)),
        "error": (f"0x{some(8, lower_hex).upper()}", f"E{some(4)}", some(3), "ECONNRESET"),
        "sku": (f"{some(3, upper)}-{some(4)}-{some(2, upper)}", f"{some(5)}-X", f"{some(2, upper)}{some(6)}"),
        "link": (f"https://{fake.domain_name()}/help/{some(6)}", f"https://{fake.domain_name()}/a?page=2&id=77"),
        "ticket": (f"#{some(5)}", f"SUP-{some(5)}", some(7)),
        "timestamp": (f"2026-11-{pick.randint(10, 28)}T08:30:15Z", f"17{some(8)}", f"17{some(11)}"),
        "serial": (f"SN{some(10)}", f"{some(4, upper)}{some(8)}", f"{some(2, upper)}-{some(4)}-{some(4)}"),
        "coupon": (f"SAVE{some(2)}", some(8, upper), f"{some(4, upper)}-{some(4, upper)}"),
        "flight": (f"LH{some(4)}", f"BA {some(3)}"),
        "number": (some(4), some(8), some(12)),
    }  # fmt: skip
    return pick.choice(kinds[slot])
