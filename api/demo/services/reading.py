"""How the document service reads: sections, classification and entities, by rules alone.

Pure functions of text, so that the same document always gets the same type, confidence and entities, on every machine
and after every crash. The rules are few on purpose; a model can be put in their place without a workflow noticing.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from api.demo.services.store import Json

# Type: telling terms and their weight. What only this type says weighs 3; what others say too weighs 1.
TERMS: Mapping[str, Mapping[str, int]] = {
    "invoice": {"invoice": 3, "amount due": 3, "bill to": 2, "payment terms": 2, "subtotal": 2, "total": 1, "tax": 1},
    "contract": {"agreement": 3, "hereby": 3, "parties": 2, "governing law": 3, "termination": 2, "clause": 1},
    "medical_report": {"patient": 3, "diagnosis": 3, "treatment": 2, "physician": 2, "symptoms": 2, "dose": 1},
    "resume": {"curriculum vitae": 3, "work experience": 3, "education": 2, "skills": 2, "references": 1},
    "complaint": {"complaint": 3, "dissatisfied": 3, "refund": 2, "faulty": 2, "disappointed": 2, "apology": 1},
}

# So many points are as good as certain; a text with fewer was too short, or too vague, to be sure of.
CERTAIN_POINTS = 8

PATTERNS: Mapping[str, str] = {
    "email": r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    "date": r"\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}\.\d{1,2}\.\d{4}\b",
    "amount": r"(?:USD|EUR|\$|€)\s?\d[\d,]*(?:\.\d{2})?",
    "invoice_number": r"\bINV-\d[\w-]*",
    "patient_id": r"\bPAT-\d+\b",
    "phone": r"\+\d{1,3}[- ]\d[\d -]{5,}\d",
    "party": r"(?<=between )[A-Z][\w&. ]*?(?= and )|(?<= and )[A-Z][\w&. ]*?(?=,|\.\s|\.$|\n|$)",
}

# What an extraction must have found before a document of this type is worth storing.
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "invoice": ("invoice_number", "date", "amount"),
    "contract": ("party", "date"),
    "medical_report": ("patient_id", "date"),
    "resume": ("email",),
    "complaint": (),
}

HEADING = r"^#+[ \t]+(.+)$"
# What a scanner leaves where it could not read. A section with this much of it is not guessed at.
UNREADABLE = "\ufffd"
MOST_UNREADABLE = 0.05


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a document: what stands under one heading."""

    index: int
    heading: str
    text: str

    @property
    def readable(self) -> bool:
        return self.text.count(UNREADABLE) <= MOST_UNREADABLE * len(self.text)

    def as_dict(self) -> Json:
        return {
            "index": self.index,
            "heading": self.heading,
            "characters": len(self.text),
            "readable": self.readable,
        }


def sections(content: str) -> list[Section]:
    """Split at Markdown headings. A text without any is one section."""
    marks = list(re.finditer(HEADING, content, re.MULTILINE))
    pieces = [("", content[: marks[0].start()] if marks else content)]
    ends = [*(mark.start() for mark in marks[1:]), len(content)]
    # No mark, no piece: then the one end is left over.
    pieces += [(mark.group(1).strip(), content[mark.end() : end]) for mark, end in zip(marks, ends, strict=False)]
    told = [(heading, text.strip()) for heading, text in pieces if heading or text.strip()]
    return [Section(index, heading, text) for index, (heading, text) in enumerate(told)]


def classify(content: str) -> Json:
    """The type of a text, and how sure that is: `strength` (enough was said) times `margin` (for one type only)."""
    text = content.casefold()
    found = {
        kind: [term for term in terms if re.search(rf"\b{re.escape(term)}\b", text)] for kind, terms in TERMS.items()
    }
    scores = {kind: sum(TERMS[kind][term] for term in terms) for kind, terms in found.items()}
    total = sum(scores.values())
    if total == 0:
        return {"type": "unknown", "confidence": 0.0, "scores": scores, "matched": []}
    best = max(scores, key=lambda kind: scores[kind])
    strength, margin = min(1.0, scores[best] / CERTAIN_POINTS), scores[best] / total
    return {"type": best, "confidence": round(strength * margin, 2), "scores": scores, "matched": found[best]}


def entities(section: Section) -> list[Json]:
    """What the patterns find, in the order of the text."""
    found = [
        {"kind": kind, "value": match.group().strip(), "section": section.index, "start": match.start()}
        for kind, pattern in PATTERNS.items()
        for match in re.finditer(pattern, section.text)
    ]
    return sorted(found, key=lambda entity: (entity["start"], entity["kind"]))


def missing_kinds(document_type: str, kinds: set[str]) -> list[str]:
    """The kinds of entities that a document of this type must have and has not."""
    return [kind for kind in REQUIRED.get(document_type, ()) if kind not in kinds]


def term_counts(text: str) -> dict[str, int]:
    """The words of a text for the search index."""
    counts: dict[str, int] = {}
    for word in re.findall(r"\w{2,}", text.casefold()):
        counts[word] = counts.get(word, 0) + 1
    return counts
