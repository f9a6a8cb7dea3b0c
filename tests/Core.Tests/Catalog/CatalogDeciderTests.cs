using ActorBackup.Core.Identity;
using ActorBackup.Domain;
using ActorBackup.Domain.Catalog;
using ActorBackup.Messages;
using ActorBackup.Messages.Catalog;
using CsCheck;

namespace ActorBackup.Core.Tests.Catalog;

public sealed class CatalogDeciderTests
{
    private static readonly DiskId Disk = new("vda");

    private static readonly Gen<CatalogCommand> Commands = Gen.Select(Gen.Int[0, 3], Gen.Int[0, 3], Gen.Int[0, 3], Gen.Bool, (kind, name, id, flag) => (CatalogCommand)(kind switch
    {
        0 => new CatalogCommand.RegisterDisk(new DiskId($"disk{name}"), $"host{id}"),
        1 => new CatalogCommand.UnregisterDisk(new DiskId($"disk{name}")),
        2 => new CatalogCommand.AttachRepository(new RepositoryName($"repo{name}"), $"file:/r{id}", $"id{id}", flag),
        _ => new CatalogCommand.DetachRepository(new RepositoryName($"repo{name}")),
    }));

    [Fact]
    public void Registering_and_unregistering_a_disk_are_idempotent()
    {
        var state = Run(CatalogState.Empty, new CatalogCommand.RegisterDisk(Disk, "host"));

        Assert.Empty(CatalogDecider.Decide(state, new CatalogCommand.RegisterDisk(Disk, "host")).Events);
        Assert.Single(CatalogDecider.Decide(state, new CatalogCommand.RegisterDisk(Disk, "other")).Events);
        state = Run(state, new CatalogCommand.UnregisterDisk(Disk));
        Assert.Empty(state.Disks);
        Assert.Empty(CatalogDecider.Decide(state, new CatalogCommand.UnregisterDisk(Disk)).Events);
    }

    [Fact]
    public void The_first_repository_is_the_default_until_another_asks_to_be()
    {
        var state = Run(CatalogState.Empty, Attach("a", "1"));
        Assert.True(state.Repositories["a"].IsDefault);

        state = Run(state, Attach("b", "2"));
        Assert.False(state.Repositories["b"].IsDefault);

        state = Run(state, Attach("c", "3", makeDefault: true));
        Assert.Equal(["c"], state.Repositories.Values.Where(r => r.IsDefault).Select(r => r.Name.Value));
    }

    [Fact]
    public void A_name_or_a_repository_that_is_taken_is_refused()
    {
        var state = Run(CatalogState.Empty, Attach("a", "1"));

        Assert.Equal(RefusalCode.Duplicate, CatalogDecider.Decide(state, Attach("a", "2")).Refusal?.Code);
        Assert.Equal(RefusalCode.Duplicate, CatalogDecider.Decide(state, Attach("b", "1")).Refusal?.Code);
    }

    [Fact]
    public void What_is_not_attached_cannot_be_detached() =>
        Assert.Equal(
            RefusalCode.UnknownRepository,
            CatalogDecider.Decide(CatalogState.Empty, new CatalogCommand.DetachRepository(new RepositoryName("a"))).Refusal?.Code);

    [Fact]
    public void Random_commands_keep_names_and_ids_unique_and_replay_to_the_same_state() =>
        Commands.List[0, 40].Sample(
            commands =>
            {
                var state = CatalogState.Empty;
                var journal = new List<(string Manifest, byte[] Bytes)>();
                foreach (var command in commands)
                {
                    var decision = CatalogDecider.Decide(state, command);
                    Assert.True(decision.Refusal is null || decision.Events.IsEmpty);
                    journal.AddRange(decision.Events.Select(e => (CatalogEventCodec.ManifestOf(e), CatalogEventCodec.Encode(e))));
                    state = Apply(state, decision);

                    Assert.True(state.Repositories.Values.Count(r => r.IsDefault) <= 1);
                    Assert.Equal(state.Repositories.Count, state.Repositories.Values.Select(r => r.RepositoryId).Distinct().Count());
                }

                var replayed = journal.Aggregate(CatalogState.Empty, (s, e) => CatalogDecider.Apply(s, CatalogEventCodec.Decode(e.Manifest, e.Bytes)));
                Assert.Equal(state.Disks, replayed.Disks);
                Assert.Equal(state.Repositories, replayed.Repositories);
            },
            iter: 500,
            threads: 1);

    private static CatalogCommand.AttachRepository Attach(string name, string id, bool makeDefault = false) =>
        new(new RepositoryName(name), $"file:/srv/{id}", id, makeDefault);

    private static CatalogState Run(CatalogState state, CatalogCommand command)
    {
        var decision = CatalogDecider.Decide(state, command);
        Assert.Null(decision.Refusal);
        return Apply(state, decision);
    }

    private static CatalogState Apply(CatalogState state, Decision<CatalogEvent> decision) => decision.Events.Aggregate(state, CatalogDecider.Apply);
}
