"""Templates of workflows (C11): a definition with holes, filled in before it becomes a workflow.

    apiVersion: workflow/v1
    kind: WorkflowTemplate
    metadata: {name: "${{ params.name }}"}
    parameters:
      name: {required: true, schema: {type: string}}
      attempts: {default: 3, schema: {type: integer, minimum: 1}}
    spec:
      steps:
        - name: fetch
          retry: {max_attempts: "${{ params.attempts }}"}
          …

A placeholder is `${{ params.NAME }}` in any text of `metadata` and `spec`. Alone in a text it stands for the value
itself, whatever its kind; with text around it the value becomes part of that text. Values are put into the parsed
document, never into its text, so none of them can add a key or a step. Nor can a value add an expression: one that
holds `{{` is refused, and inside expressions and conditions only parameters stand whose schema says that they are
numbers or booleans. A parameter that is meant to be an expression says so: `schema: {format: expression}`.

Filling in gives an ordinary document of `kind: Workflow`, which `graphs.loader.examine_document` reads; problems
point into the template's text.
"""

from graphs.templates.template import KIND, WorkflowTemplate, load_template, template_from_document

__all__ = ["KIND", "WorkflowTemplate", "load_template", "template_from_document"]
