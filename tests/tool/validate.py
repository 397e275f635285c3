#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""validate.py [--strict] FOLDER FILE...: does a file have what its schema says?

FOLDER has the schemas. A file with a member "command" is an answer, one with "domain" is
that, another is a snapshot. With --strict a member that the schema does not describe is an error too:
what this version of the program writes is all described.
"""

import json
import os
import sys

import jsonschema


def read(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def closed(schema):
    """The schema, with objects that have their described members only."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: closed(value) for key, value in schema.items()}
    if schema.get("type") == "object" and "properties" in schema and "anyOf" not in schema:
        schema.setdefault("additionalProperties", False)
    return schema


def main():
    args = sys.argv[1:]
    strict = args[0] == "--strict"
    folder, files = args[strict], args[strict + 1:]
    schemas = {}
    for name in ("snapshot", "answers", "domain"):
        schema = read(os.path.join(folder, name + ".schema.json"))
        jsonschema.Draft202012Validator.check_schema(schema)
        schemas[name] = closed(schema) if strict else schema
    store = {schema["$id"]: schema for schema in schemas.values()}
    failed = 0
    for file in files:
        document = read(file)
        command = document.get("command")
        schema = schemas["answers" if command else
                         "domain" if "domain" in document else "snapshot"]
        resolver = jsonschema.RefResolver(schema["$id"], schema, store=store)
        # One of many says only that none fits: ask the right one first.
        asked = {"$ref": "#/$defs/" + ("error" if "errors" in document else command)} \
            if command else schema
        for part in (asked, schema):
            validator = jsonschema.Draft202012Validator(part, resolver=resolver)
            error = jsonschema.exceptions.best_match(validator.iter_errors(document))
            if error:
                print(f"{file}: {'/'.join(map(str, error.absolute_path))}: {error.message}")
                failed = 1
                break
    return failed


if __name__ == "__main__":
    sys.exit(main())
