# SPDX-License-Identifier: Apache-2.0
# Copyright 2026 The nuwa_hf authors
"""The paintings that have arrived from the page, kept until newer ones take their place."""

from typing import Any


MAX_PAINTINGS = 64


class BlobStorage(dict):
    """Paintings by their ids, for `gr.ImageEditor.blob_storage`; only the newest stay.

    Gradio takes a painting out of its own as soon as it is read, so the check of a form would lose it for the request
    that follows; and one that is never read it keeps for ever.
    """

    def __setitem__(self, key: str, painting: Any) -> None:
        super().__setitem__(key, painting)
        for oldest in list(self)[:-MAX_PAINTINGS]:
            del self[oldest]

    def pop(self, key: str, default: Any = None) -> Any:
        """A painting, which stays.

        Args:
            key (`str`): its id.
            default (*optional*): what to return if there is none.

        Returns:
            The painting.
        """
        return self.get(key, default)
