"""What CloudFormation makes of a translated template's conditions."""

from typing import Any

_NOTHING = {"Ref": "AWS::NoValue"}


def applied(template: dict[str, Any], parameters: dict[str, str]) -> dict[str, Any]:
    """The resources there are with ``parameters`` (else the defaults), each ``Fn::If`` in them decided."""
    conditions = _Conditions(template, parameters)
    return {
        name: conditions.decided(one)
        for name, one in template["Resources"].items()
        if "Condition" not in one or conditions.hold(one["Condition"])
    }


class _Conditions:
    def __init__(self, template: dict[str, Any], parameters: dict[str, str]) -> None:
        defaults = {name: str(one["Default"]) for name, one in template["Parameters"].items() if "Default" in one}
        self._values = defaults | parameters
        self._conditions = template["Conditions"]

    def hold(self, condition: str | dict[str, Any]) -> bool:
        """Whether a condition, by name or written out, is true."""
        if isinstance(condition, str):
            return self.hold(self._conditions[condition])
        ((kind, of),) = condition.items()
        match kind:
            case "Condition":
                return self.hold(of)
            case "Fn::Not":
                return not self.hold(of[0])
            case "Fn::And":
                return all(self.hold(one) for one in of)
            case "Fn::Equals":
                left, right = (self._values[one["Ref"]] if isinstance(one, dict) else one for one in of)
                return bool(left == right)
        raise AssertionError(kind)

    def decided(self, value: Any) -> Any:
        """``value`` without any ``Fn::If``, and without what is no value then."""
        if isinstance(value, list):
            return [one for one in map(self.decided, value) if one != _NOTHING]
        if not isinstance(value, dict):
            return value
        if set(value) == {"Fn::If"}:
            condition, then, otherwise = value["Fn::If"]
            return self.decided(then if self.hold(condition) else otherwise)
        members = {name: self.decided(one) for name, one in value.items()}
        return {name: one for name, one in members.items() if one != _NOTHING}
