using ActorBackup.Core.Jobs;

namespace ActorBackup.Core.Tests.Jobs;

/// <summary>QEMU's table of what an error policy comes to.</summary>
public sealed class ErrorPolicyTests
{
    [Theory]
    [InlineData(ErrorPolicy.Report, ErrorAction.Report, ErrorAction.Report)]
    [InlineData(ErrorPolicy.Ignore, ErrorAction.Ignore, ErrorAction.Ignore)]
    [InlineData(ErrorPolicy.Stop, ErrorAction.Stop, ErrorAction.Stop)]
    [InlineData(ErrorPolicy.Enospc, ErrorAction.Report, ErrorAction.Stop)]
    [InlineData(ErrorPolicy.Auto, ErrorAction.Report, ErrorAction.Stop)]
    public void What_a_policy_does(ErrorPolicy policy, ErrorAction otherwise, ErrorAction withoutSpace)
    {
        Assert.Equal(otherwise, policy.ActionOn(isNoSpace: false));
        Assert.Equal(withoutSpace, policy.ActionOn(isNoSpace: true));
    }
}
