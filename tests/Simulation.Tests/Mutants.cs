using ActorBackup.Simulation.Tests.Disks;
using ActorBackup.Volumes.Tracking;

namespace ActorBackup.Simulation.Tests;

/// <summary>Variants of the shipped code and of the actor's order, each without one guard. Each must break a promise under some seed.</summary>
internal static class Mutants
{
    private static readonly TrackingGuards Guards = TrackingGuards.On;
    private static readonly OrderGuards Order = OrderGuards.On;

    public static IReadOnlyDictionary<string, (TrackingGuards Guards, OrderGuards Order)> All { get; } =
        new Dictionary<string, (TrackingGuards, OrderGuards)>(StringComparer.Ordinal)
        {
            [nameof(TrackingGuards.IntentBeforeWrite)] = (Guards with { IntentBeforeWrite = false }, Order),
            [nameof(TrackingGuards.BitsBeforeWrite)] = (Guards with { BitsBeforeWrite = false }, Order),
            [nameof(TrackingGuards.ForgetOnlyQuiet)] = (Guards with { ForgetOnlyQuiet = false }, Order),
            [nameof(TrackingGuards.ShadowPages)] = (Guards with { ShadowPages = false }, Order),
            [nameof(TrackingGuards.SyncBeforeSuperblock)] = (Guards with { SyncBeforeSuperblock = false }, Order),
            [nameof(TrackingGuards.SyncBeforeForget)] = (Guards with { SyncBeforeForget = false }, Order),
            [nameof(TrackingGuards.StoreWhatStopsRecording)] = (Guards with { StoreWhatStopsRecording = false }, Order),
            [nameof(TrackingGuards.StoreBeforeIntentsGo)] = (Guards with { StoreBeforeIntentsGo = false }, Order),
            [nameof(TrackingGuards.OnlyIntentRegions)] = (Guards with { OnlyIntentRegions = false }, Order),
            [nameof(TrackingGuards.FlushBeforeBitsGo)] = (Guards with { FlushBeforeBitsGo = false }, Order),
            [nameof(TrackingGuards.RememberFailedSync)] = (Guards with { RememberFailedSync = false }, Order),
            [nameof(TrackingGuards.CheckGeneration)] = (Guards with { CheckGeneration = false }, Order),
            [nameof(TrackingGuards.DrainBeforeFreeze)] = (Guards with { DrainBeforeFreeze = false }, Order),
            [nameof(TrackingGuards.CopyBeforeWrite)] = (Guards with { CopyBeforeWrite = false }, Order),
            [nameof(TrackingGuards.OwnsWhatIsLeft)] = (Guards with { OwnsWhatIsLeft = false }, Order),
            [nameof(TrackingGuards.ProtectFromOpening)] = (Guards with { ProtectFromOpening = false }, Order),
            [nameof(TrackingGuards.ResumeOnlyAsLeft)] = (Guards with { ResumeOnlyAsLeft = false }, Order),
            [nameof(TrackingGuards.StoreBeforeRepeatCounts)] = (Guards with { StoreBeforeRepeatCounts = false }, Order),
            [nameof(OrderGuards.RegisterBeforeWrites)] = (Guards, Order with { RegisterBeforeWrites = false }),
            [nameof(OrderGuards.TreeBeforePair)] = (Guards, Order with { TreeBeforePair = false }),
            [nameof(OrderGuards.ConclusionBeforeSettling)] = (Guards, Order with { ConclusionBeforeSettling = false }),
            [nameof(OrderGuards.EventBeforeBitsGo)] = (Guards, Order with { EventBeforeBitsGo = false }),
            [nameof(OrderGuards.BitsBeforeEvent)] = (Guards, Order with { BitsBeforeEvent = false }),
            [nameof(OrderGuards.SettleOldJobs)] = (Guards, Order with { SettleOldJobs = false }),
            [nameof(OrderGuards.AllDirtyWithoutPair)] = (Guards, Order with { AllDirtyWithoutPair = false }),
            [nameof(OrderGuards.KeyBeforeConclusion)] = (Guards, Order with { KeyBeforeConclusion = false }),
            [nameof(OrderGuards.BitsBeforeBaseMoves)] = (Guards, Order with { BitsBeforeBaseMoves = false }),
        };
}
