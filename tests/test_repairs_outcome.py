"""What a repair hands back."""

from repair_lots import corner, lots, rings

import citygis as cg


def test_every_finding_is_either_mended_or_left_with_a_reason():
    block = rings()
    block[0][2] = (corner(1, 1)[0] + 0.05, corner(1, 1)[1])
    e, n = corner(8, 0)
    block.append([(e, n), (e + 40, n + 40), (e + 40, n), (e, n + 40)])
    frame = lots(block)
    told = cg.validate(frame, "lot", only="geometry", key="pid")
    done = cg.repair({"lot": frame}, told, only="geometry", key="pid")
    assert sorted([*done.mended["finding_id"], *done.left["finding_id"]]) == sorted(told["finding_id"])
    assert len(done.mended) > 0 and len(done.left) > 0
    assert done.left["because"].str.endswith("a person decides.").all()


def test_a_layer_in_which_nothing_was_mended_is_the_very_one():
    frame = lots(rings())
    assert cg.repair({"lot": frame}, only="geometry", key="pid").layers["lot"] is frame
