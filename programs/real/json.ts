// The package assemblyscript-json parses what is below, and writes it again. It keeps objects in a Map.
import { JSON } from "assemblyscript-json/assembly";

const text = `{"name": "Map", "list": [1, 2.5, -3e2, true, null],
  "map": {"zwei": "\\u00fcber", "drei": {"vier": 1e-7}}, "long": 1234567890123}`;
const object = <JSON.Obj>JSON.parse(text);
for (let i = 0; i < object.keys.length; i++) {
  const key = object.keys[i];
  console.log(key + " = " + object.getValue(key)!.stringify());
}
console.log(object.stringify());
