"""What transformers and peft write, in the plainest way: unmerged, one request at a time, greedily."""

from collections.abc import Sequence

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from bot.ids import AdapterId
from bot.prompting import Message
from learning.chat_format import encode_prompt
from learning.models import BaseModel
from storage.adapter_files import AdapterFiles


class PeftOracle:
    def __init__(self, base: BaseModel, files: AdapterFiles, adapter: AdapterId | None) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(base.folder)
        model = AutoModelForCausalLM.from_pretrained(base.folder)
        self.model = (PeftModel.from_pretrained(model, str(files.folder(adapter))) if adapter else model).eval()

    def __call__(self, messages: Sequence[Message], tokens: int) -> str:
        prompt = torch.tensor([encode_prompt(self.tokenizer, messages)])
        written = self.model.generate(
            input_ids=prompt, attention_mask=torch.ones_like(prompt), max_new_tokens=tokens, do_sample=False,
            pad_token_id=self.tokenizer.eos_token_id,
        )  # fmt: skip
        return str(self.tokenizer.decode(written[0, prompt.shape[1] :], skip_special_tokens=True)).strip()
