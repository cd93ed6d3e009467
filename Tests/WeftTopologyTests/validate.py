"""validate.py SCHEMA [--invalid] FILE... — exit 0: all valid (all invalid); 1: some not; 77: a library is missing."""
import json
import re
import sys

try:
    import jsonschema
    import yaml
except ImportError as error:
    print(error)
    sys.exit(77)


class Loader(yaml.SafeLoader):
    """YAML 1.2's core schema, as editors have it: no 52:54:00 numbers, no dates, no yes/no."""


Loader.yaml_implicit_resolvers = {}
for tag, pattern, first in [
    ("bool", r"^(true|false)$", "tf"),
    ("null", r"^(~|null|)$", "~n\0"),
    ("int", r"^-?[0-9]+$", "-0123456789"),
    ("float", r"^-?[0-9]+\.[0-9]+$", "-0123456789"),
]:
    for letter in first:
        Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(pattern), ["" if letter == "\0" else letter])
Loader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"^<<$"), ["<"])

with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
failed = False
wanted_invalid = sys.argv[2] == "--invalid"
for path in sys.argv[3:] if wanted_invalid else sys.argv[2:]:
    with open(path, encoding="utf-8") as file:
        errors = list(validator.iter_errors(yaml.load(file, Loader)))
        if wanted_invalid:
            if not errors:
                failed = True
                print(f"{path} is valid:", open(path, encoding="utf-8").read())
            continue
        for error in errors:
            failed = True
            print(f"{path}: {'.'.join(map(str, error.absolute_path))}: {error.message[:200]}")
sys.exit(1 if failed else 0)
