"""The parts get what they need of each other."""

from pathlib import Path

from deploy.parts import make_cycle, make_memory, open_kept
from deploy.settings import Settings
from learning.models import BaseModel
from tests.learning.model_cache import CACHE, needs


@needs("all-mpnet-base-v2")
def test_a_retraining_makes_up_questions_with_memorys_encoder(tmp_path: Path) -> None:
    with open_kept(Settings(data_dir=tmp_path, cache_dir=CACHE)) as kept:
        cycle = make_cycle(kept, BaseModel("tiny", tmp_path, "tiny-sha256"), make_memory(kept))
    assert cycle.encoder == CACHE / "all-mpnet-base-v2"
    assert cycle.recipe.imagined > 0
