"""Judging, first half: `triage` names the subjects worth a closer look, `detect` puts every question to the snapshot.

Facts come in, findings go out.  Everything here is pure: a saved snapshot gives the same answers years later.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from davy.detect import (
    autostart_files,
    autostarts,
    behaviour,
    concealment,
    containers,
    content,
    conversations,
    covers,
    families,
    gpu,
    identity,
    images,
    modules,
    network,
    news,
    origin,
    persistence,
    preloads,
    randomx,
    randomx_memory,
    strange_entries,
    tools,
    trust,
    workload,
)
from davy.detect.rule import Detector
from davy.detect.triage import triage
from davy.model.findings import Finding
from davy.model.snapshot import Snapshot

__all__ = ["DETECTORS", "detect", "triage"]

DETECTORS: Final[tuple[Detector, ...]] = (
    behaviour.cpu_load,
    behaviour.renews_itself,
    randomx.rounding,
    gpu.gpu_load,
    origin.writable_folder,
    origin.in_hidden_folder,
    origin.deleted_executable,
    origin.memory_only,
    identity.known_family,
    families.known_file,
    families.known_line,
    identity.kernel_thread_mask,
    identity.near_miss_of_a_daemon,
    identity.argv_against_exe,
    identity.renamed_copy,
    content.mining_command_line,
    conversations.stratum_conversation,
    conversations.in_memory,
    conversations.wallet,
    conversations.pool_name,
    images.image,
    images.configuration,
    images.file,
    images.own_rule,
    network.pool_connection,
    network.family_address,
    conversations.stratum_connection,
    concealment.hidden_process,
    concealment.uncounted_threads,
    concealment.ownerless_socket,
    concealment.unowned_cpu,
    concealment.forged_numbers,
    autostarts.suspicious_autostart,
    autostarts.fetching_autostart,
    autostarts.hidden_autostart,
    autostarts.mining_autostart,
    autostarts.concealed_autostart,
    autostarts.intruders_key,
    autostarts.familys_key,
    strange_entries.strange_entry,
    autostart_files.family_autostart,
    autostart_files.miners_image,
    autostart_files.imitating_autostart,
    autostart_files.missing_program,
    autostart_files.odd_file,
    autostart_files.contains,
    autostart_files.starts_a_miner,
    persistence.started_again,
    persistence.came_back,
    news.new_autostart,
    containers.miners_container,
    containers.old_container,
    containers.intruding_container,
    covers.covered_process,
    covers.covered_kernel_file,
    covers.covered_program,
    modules.hidden_module,
    modules.stray_memory,
    modules.hooked_function,
    modules.unlisted_file,
    modules.unexplained_taint,
    modules.known_module,
    modules.odd_module_place,
    modules.foreign_module,
    modules.autoloaded_module,
    preloads.preload_file,
    preloads.family_preload,
    preloads.hides,
    preloads.forges,
    preloads.hidden_by_library,
    preloads.names,
    preloads.preload_environment,
    preloads.changed_loader,
    preloads.mapped_everywhere,
    preloads.hidden_name,
    tools.system_tool,
    workload.pure_computation,
    randomx_memory.randomx_memory,
    randomx_memory.changing_code,
    randomx_memory.tuned_machine,
    workload.thin_connection,
    trust.packaged,
    trust.persons_shell,
    trust.volunteer,
)


def detect(snapshot: Snapshot) -> Iterator[Finding]:
    """Every finding of every detector."""
    for detector in DETECTORS:
        yield from detector(snapshot)
