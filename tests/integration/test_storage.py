"""What a region is refused for when its storage is prepared."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.app import prepare_storage, region_key, region_of
from engine.core.fault import FaultError
from engine.security.keys import RegionKey


def region_file(folder: Path, partitions: int) -> Path:
    base = folder / "mappings" / "base"
    base.mkdir(parents=True, exist_ok=True)
    identity = "map: v1\nkind: identity\npatient: [{label: MR, from: 'PID-3[1]'}]\n"
    (base / "identity.yaml").write_text(identity, "utf-8")
    file = folder / "region.yaml"
    site = "{ehr: other, timezone: UTC, mappings: [base]}"
    storage = f"{{partitions: {partitions}}}"
    file.write_text(f"region: north\nstorage: {storage}\nsites:\n  mercy: {site}\n", "utf-8")
    return file


def test_another_number_of_partitions_is_refused_with_both_numbers(tmp_path: Path) -> None:
    region = region_of(region_file(tmp_path, 8))
    key = region_key(region)
    prepare_storage(region, key, {})
    changed = region_of(region_file(tmp_path, 16))
    with pytest.raises(FaultError) as refused:
        prepare_storage(changed, key, {})
    assert refused.value.fault.code == "journal-partitions"
    assert refused.value.fault.where == "storage.partitions 16, journal 8"
    prepare_storage(region, key, {})


def test_another_key_is_refused_where_nothing_is_encrypted(tmp_path: Path) -> None:
    region = region_of(region_file(tmp_path, 8))
    region = replace(region, storage=region.storage.model_copy(update={"encrypt": False}))
    prepare_storage(region, RegionKey(bytes(32)), {})
    with pytest.raises(FaultError, match="wrong-key"):
        prepare_storage(region, RegionKey(b"o" * 32), {})
    prepare_storage(region, RegionKey(bytes(32)), {})
