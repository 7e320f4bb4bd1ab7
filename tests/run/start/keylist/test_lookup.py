from anonymizer.lake.storage import Irregular, open_root
from anonymizer.records import ImageRef
from anonymizer.run.start.keylist import KeyRequest, requested


def test_objects_are_looked_up_in_order_unless_the_list_tells(tmp_path):
    for i in range(40):
        (tmp_path / f"{i:02}").write_bytes(b"x" * i)
    root = open_root(str(tmp_path))
    wanted = [KeyRequest(f"{i:02}", "redo") for i in range(50)]
    told = KeyRequest("zz", "check", "e", 5)
    found = list(requested(root, iter([*wanted, told, KeyRequest("../x", "check", "e", 5)])))
    assert [request for request, _ in found[:50]] == wanted
    listed = list(root.list())
    assert [entry for _, entry in found[:50]] == [*listed, *[None] * 10]
    assert found[50][1] == ImageRef("zz", f"{root.uri}/zz", "e", 5, None)
    assert isinstance(found[51][1], Irregular)
