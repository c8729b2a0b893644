"""How far the histories of channels are known."""

from collections.abc import Collection, Mapping

from sqlmodel import Session, col, select

from bot.events import Place
from bot.history import Watermark
from bot.people import Platform
from storage.tables import WatermarkRow


class SqlWatermarks:
    def __init__(self, session: Session) -> None:
        self._session = session

    def of(self, platform: Platform) -> Mapping[str, Watermark]:
        return {row.place_key: Watermark(row.first, row.until) for row in self._rows(platform)}

    def put(self, place: Place, watermark: Watermark) -> None:
        self._session.merge(WatermarkRow(place_key=place.key, first=watermark.first, until=watermark.until))

    def keep_only(self, platform: Platform, keys: Collection[str]) -> None:
        for row in self._rows(platform):
            if row.place_key not in keys:
                self._session.delete(row)

    def _rows(self, platform: Platform) -> list[WatermarkRow]:
        query = select(WatermarkRow).where(col(WatermarkRow.place_key).startswith(f"{platform}/"))
        return list(self._session.exec(query))
