using ActorBackup.Actors.Backups;
using ActorBackup.Storage.Writing;

namespace ActorBackup.Simulation.Tests.Backups;

/// <summary>How the shipped run and writer are set up.</summary>
/// <param name="Copy">All on, save for mutants.</param>
/// <param name="Writer">All on, save for mutants.</param>
/// <param name="PackBytes">When a pack is full.</param>
internal sealed record BackupSettings(CopyGuards Copy, WriterGuards Writer, int PackBytes);
