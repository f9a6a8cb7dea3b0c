using ActorBackup.Actors.Persistence;
using ActorBackup.Domain.Catalog;
using ActorBackup.Messages;
using ActorBackup.Messages.Catalog;

namespace ActorBackup.Actors.Catalog;

/// <summary>Disks and repositories by name: one sharded entity for the whole cluster.</summary>
public sealed class CatalogActor() : EventSourcedActor<CatalogEvent, CatalogState>(EntityId, CatalogState.Empty)
{
    /// <summary>Also the persistence id; permanent.</summary>
    public const string EntityId = "catalog";

    protected override CatalogState Apply(CatalogState state, CatalogEvent e) => CatalogDecider.Apply(state, e);

    protected override bool Notice(object message)
    {
        switch (message)
        {
            case CatalogCommand.GetDisks:
                Sender.Tell(new CatalogReply.Disks([.. State.Disks.Values]), Self);
                return true;
            case CatalogCommand.GetGroups:
                Sender.Tell(new CatalogReply.Groups([.. State.Groups.Values]), Self);
                return true;
            case CatalogCommand.GetRepositories:
                Sender.Tell(new CatalogReply.Repositories([.. State.Repositories.Values]), Self);
                return true;
            default:
                return false;
        }
    }

    protected override void Carry(object command)
    {
        if (command is not CatalogCommand known)
        {
            Ignore(command);
            return;
        }

        var decision = CatalogDecider.Decide(State, known);
        if (decision.Refusal is { } refusal)
        {
            Finish(Rejected(refusal));
            return;
        }

        Record(decision.Events, () => Finish(new CatalogReply.Done()));
    }

    protected override object Rejected(Refusal refusal) => new CatalogReply.Rejected(refusal);

    protected override void ResumeEffects()
    {
    }
}
